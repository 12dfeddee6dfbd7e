package storetest_test

import (
	"testing"

	"outpost/session"
	"outpost/session/storetest"
)

// TestHub: what the other tests take for a server keeps the contract itself.
func TestHub(t *testing.T) {
	storetest.Run(t, func(t *testing.T) session.Store { return storetest.NewHub().Open() })
	storetest.RunShared(t, func(t *testing.T) (a, b session.Shared) {
		h := storetest.NewHub()
		return h.Open(), h.Open()
	})
}
