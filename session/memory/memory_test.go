package memory_test

import (
	"testing"

	"outpost/session"
	"outpost/session/memory"
	"outpost/session/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) session.Store { return memory.New() })
}
