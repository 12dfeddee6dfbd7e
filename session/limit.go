package session

// How many sessions there may be: for each person, and in all. Nobody is ever
// turned away for it. A sign-in that goes over a limit is let in, and what
// leaves is what has been unused for longest: somebody who signs in again and
// again without a cookie, a script mostly, pushes out what they themselves have
// left behind, and an operator can always get in.

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

const (
	roomParts    = 64     // room is made for this part of the limit at a time
	roomAtOnce   = 65_536 // sessions ended in one pass over the store, at most
	roomDeleters = 64     // deletions under way at once: they share the store's commits
)

// used is a session and when it was last used.
type used struct {
	key  Key
	seen int64
}

// limitPerson ends those sessions of a person that are more than the limit
// allows, the one just made excepted. It fails no sign-in: what it could not do
// is done at the next one.
func (s *Sessions) limitPerson(ctx context.Context, made *Session) {
	limit := s.terms.Load().maxPerUser
	if limit == 0 || made.Identity.Subject == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	keys, err := s.keysOf(ctx, made.Identity.Issuer, made.Identity.Subject)
	errs := []error{err}
	var theirs []used
	for _, key := range keys {
		if key != made.Key {
			theirs = append(theirs, used{key: key})
		}
	}
	more := len(theirs) + 1 - limit
	if more > 0 {
		for i := range theirs {
			theirs[i].seen = s.lastSeen(ctx, theirs[i].key)
		}
		slices.SortFunc(theirs, func(a, b used) int { return cmp.Compare(a.seen, b.seen) })
		for _, u := range theirs[:more] {
			errs = append(errs, s.end(ctx, u.key, "over_user_limit"))
		}
		s.log.InfoContext(ctx, "somebody has signed in more often than session.max_sessions_per_user allows; their sessions unused for longest have ended",
			"provider", made.Provider, "subject", made.Identity.Subject, "ended", more, "limit", limit)
	}
	if err := errors.Join(errs...); err != nil {
		s.log.ErrorContext(ctx, "session.max_sessions_per_user could not be kept to; it is tried again at the person's next sign-in", "subject", made.Identity.Subject, "cause", err)
	}
}

// lastSeen is when the session was last used, as far as memory or the store
// knows; 0 for one that cannot be read or is not there.
func (s *Sessions) lastSeen(ctx context.Context, key Key) int64 {
	s.mu.Lock()
	l, unsaved := s.hot.keys[key], s.unsaved[key]
	s.mu.Unlock()
	if l != nil {
		return l.seen.Load()
	}
	r, err := s.config.Store.Load(ctx, key)
	if err != nil {
		return 0
	}
	return max(r.Seen.UnixNano(), unsaved)
}

// limitAll has Run make room where it may be needed. Counting may cost the store
// a call, so it is asked after every thousandth part of the limit.
func (s *Sessions) limitAll() {
	limit := int64(s.terms.Load().maxSessions)
	if limit == 0 || s.made.Add(1)%max(1, limit/1000) != 0 {
		return
	}
	select {
	case s.full <- struct{}{}:
	default: // it has been told
	}
}

// makeRoom ends the sessions unused for longest, where there are more than the
// limit: down to a 64th part below it, so that it need not begin again at once.
func (s *Sessions) makeRoom(ctx context.Context) {
	limit := s.terms.Load().maxSessions
	if limit == 0 {
		return
	}
	n, err := s.Len(ctx)
	if err != nil {
		s.log.ErrorContext(ctx, "session.max_sessions could not be kept to; it is tried again", "cause", err)
		return
	}
	if n <= limit {
		return
	}
	// What is over goes first, and what has been used must not look unused.
	s.sweep(ctx)
	ended := 0
	for target := limit - limit/roomParts; ; {
		if n, err = s.Len(ctx); err != nil || n <= target || ended == 0 && n <= limit {
			break
		}
		var gone int
		gone, err = s.endStalest(ctx, min(n-target, roomAtOnce))
		ended += gone
		if err != nil || gone == 0 {
			break
		}
	}
	if ended > 0 {
		s.log.WarnContext(ctx, "there were more sessions than session.max_sessions; those unused for longest have ended: allow more, or look for what signs in again and again",
			"ended", ended, "left", n, "limit", limit)
	}
	if err != nil {
		s.log.ErrorContext(ctx, "session.max_sessions could not be kept to; it is tried again", "cause", err)
	}
}

// endStalest ends the n sessions of the store that have been unused for longest,
// without those that are used while it looks.
func (s *Sessions) endStalest(ctx context.Context, n int) (ended int, err error) {
	began := s.clock.now()
	var found latest
	err = s.config.Store.Scan(ctx, func(key Key, r Record) bool {
		u := used{key, r.Seen.UnixNano()}
		switch {
		case len(found) < n:
			heap.Push(&found, u)
		case u.seen < found[0].seen:
			found[0] = u
			heap.Fix(&found, 0)
		}
		return true
	})
	if err != nil {
		return 0, s.storeError("scan", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for part := range slices.Chunk(found, (len(found)+roomDeleters-1)/roomDeleters) {
		wg.Go(func() {
			for _, u := range part {
				s.mu.Lock()
				l := s.hot.keys[u.key]
				s.mu.Unlock()
				if l != nil && l.seen.Load() >= began {
					continue
				}
				endErr := s.end(ctx, u.key, "over_limit")
				mu.Lock()
				if endErr == nil {
					ended++
				} else if err == nil {
					err = fmt.Errorf("making room: %w", endErr)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return ended, err
}

// latest is a heap whose first was used last.
type latest []used

func (h latest) Len() int           { return len(h) }
func (h latest) Less(i, j int) bool { return h[i].seen > h[j].seen }
func (h latest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *latest) Push(x any)        { *h = append(*h, x.(used)) }
func (h *latest) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
