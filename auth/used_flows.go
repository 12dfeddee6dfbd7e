package auth

// A flow comes back once: which ones have.

import (
	"slices"
	"sync"
	"time"
)

// usedFlows remembers which flows have come back, for as long as they could
// come again: a state is good for one exchange. The provider's code is good
// for one as well; this holds where a provider is lax. The zero value is ready.
type usedFlows struct {
	mu   sync.Mutex
	seen map[[16]byte]time.Time
}

const maxUsedFlows = 100_000

// take reports whether this is the first time that the flow comes back. When
// too many come back at once the oldest are forgotten first.
func (u *usedFlows) take(fl *flow, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[[16]byte]time.Time{}
	}
	if _, used := u.seen[fl.id]; used {
		return false
	}
	if len(u.seen) >= maxUsedFlows {
		u.forget(now)
	}
	u.seen[fl.id] = fl.begun
	return true
}

func (u *usedFlows) forget(now time.Time) {
	begun := make([]time.Time, 0, len(u.seen))
	for id, at := range u.seen {
		if now.Sub(at) > signInTime {
			delete(u.seen, id)
			continue
		}
		begun = append(begun, at)
	}
	if len(begun) < maxUsedFlows {
		return
	}
	slices.SortFunc(begun, time.Time.Compare)
	middle := begun[len(begun)/2]
	for id, at := range u.seen {
		if !at.After(middle) {
			delete(u.seen, id)
		}
	}
}
