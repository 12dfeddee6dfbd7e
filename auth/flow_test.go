package auth

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"
)

func flowOf(i int, begun time.Time) *flow {
	fl := &flow{begun: begun}
	binary.BigEndian.PutUint64(fl.id[:], uint64(i))
	return fl
}

// A flow comes back once. What is remembered of it is bounded: the oldest go
// first, and those that are too old to come back before all others.
func TestUsedFlows(t *testing.T) {
	now := time.Now()
	var u usedFlows
	for i := range maxUsedFlows {
		age := signInTime * time.Duration(i) / maxUsedFlows
		if !u.take(flowOf(i, now.Add(-age)), now) {
			t.Fatalf("flow %d was refused", i)
		}
	}
	if u.take(flowOf(0, now), now) || u.take(flowOf(maxUsedFlows-1, now), now) {
		t.Error("a flow came back twice")
	}
	if !u.take(flowOf(maxUsedFlows, now), now) || len(u.seen) > maxUsedFlows/2+2 {
		t.Errorf("%d flows are remembered", len(u.seen))
	}
	if u.take(flowOf(0, now), now) {
		t.Error("the youngest was forgotten")
	}

	// Half of them too old a second later: all of those go, and no other.
	u = usedFlows{}
	for i := range maxUsedFlows {
		begun := now
		if i%2 == 1 {
			begun = now.Add(-signInTime)
		}
		u.take(flowOf(i, begun), now)
	}
	later := now.Add(time.Second)
	if !u.take(flowOf(maxUsedFlows, later), later) || len(u.seen) != maxUsedFlows/2+1 {
		t.Errorf("%d flows are remembered", len(u.seen))
	}
	for i := 0; i < maxUsedFlows; i += 2 {
		if u.take(flowOf(i, now), later) {
			t.Fatalf("flow %d was forgotten although it could come again", i)
		}
	}
}

func TestUsedFlowsAtOnce(t *testing.T) {
	var u usedFlows
	var wg sync.WaitGroup
	first := make(chan int, 100)
	for i := range 100 {
		wg.Go(func() {
			if u.take(flowOf(7, time.Now()), time.Now()) {
				first <- i
			}
		})
	}
	wg.Wait()
	if len(first) != 1 {
		t.Errorf("%d were the first", len(first))
	}
}

// What is sealed comes back whole, and no part of it passes for a whole.
func TestFlowEncoding(t *testing.T) {
	for _, fl := range []*flow{
		{begun: time.Unix(0, 1), application: "home", provider: "idp", returnURL: "https://app.example.com/x"},
		{id: [16]byte{1}, browser: [16]byte{2}, begun: time.Unix(1, 2), loop: loop{2, time.Unix(5, 0)}, kept: keptURL{7, [32]byte{8}}, application: "a", provider: "b"},
		{begun: time.Unix(0, 1), fragment: [8]byte{1}, application: "home", provider: "idp", returnURL: "https://app.example.com/x"},
	} {
		in := fl.encode()
		if got, err := decodeFlow(in); err != nil || *got != *fl {
			t.Errorf("got %+v, %v; want %+v", got, err, fl)
		}
		for n := range in {
			if got, err := decodeFlow(in[:n]); err == nil {
				t.Errorf("%d of %d bytes are %+v", n, len(in), got)
			}
		}
		in[0]++
		if _, err := decodeFlow(in); err == nil {
			t.Error("another version was read")
		}
	}
	b := &browser{id: [16]byte{1}, loop: loop{3, time.Unix(9, 0)}, last: [32]byte{4}}
	in := b.encode()
	if got := decodeBrowser(in); got == nil || *got != *b {
		t.Errorf("got %+v, want %+v", got, b)
	}
	for n := range in {
		if got := decodeBrowser(in[:n]); got != nil {
			t.Errorf("%d of %d bytes are %+v", n, len(in), got)
		}
	}
}
