package main

import (
	"context"
	"io"
)

func soak(ctx context.Context, args []string, stdout io.Writer) error { return nil }
