package session_test

// What a check costs here. Run with
//
//	go test -run '^$' -bench . -benchmem ./session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"outpost/session"
)

func TestHitAllocatesNothing(t *testing.T) {
	for _, size := range []int{1, 0} { // one shard, and many
		s := newSessions(t, session.Config{CacheSize: size, Idle: time.Hour})
		value, _ := create(t, s, alice())
		mustFind(t, s, value)
		header := []string{"theme=dark; " + cookie + "=" + value + "; lang=en"}
		ctx := context.Background()
		found := 0
		allocs := testing.AllocsPerRun(1000, func() {
			for v := range session.Values(header, cookie) {
				if l, err := s.Find(ctx, cookie, v); err == nil {
					l.Accept(time.Now())
					found++
				}
			}
		})
		if allocs != 0 || found == 0 {
			t.Errorf("a hit allocates %v times (found %d)", allocs, found)
		}
	}
}

// A stranger's value may cost little more memory than it is long.
func TestForgedValueAllocatesLittle(t *testing.T) {
	s := newSessions(t, session.Config{})
	ctx := context.Background()
	for _, n := range []int{0, 10, 144, 255, 256, 4096, 60_000} {
		value := strings.Repeat("A", n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const rounds = 100
		for range rounds {
			s.Find(ctx, cookie, value)
		}
		runtime.ReadMemStats(&after)
		if got, limit := (after.TotalAlloc-before.TotalAlloc)/rounds, uint64(4096); got > limit {
			t.Errorf("a forged value of %d bytes allocates %d bytes, want at most %d", n, got, limit)
		}
	}
}

func BenchmarkFindHit(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("sessions-%d", n), func(b *testing.B) {
			s, values := filledCache(b, n)
			ctx := context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				l, err := s.Find(ctx, cookie, values[i%n])
				if err != nil {
					b.Fatal(err)
				}
				l.Accept(time.Now())
			}
		})
	}
}

func BenchmarkFindHitParallel(b *testing.B) {
	s, values := filledCache(b, 10_000)
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		// Not in step with the others, all at the same session.
		for i := rand.IntN(len(values)); pb.Next(); i++ {
			l, err := s.Find(ctx, cookie, values[i*7%len(values)])
			if err != nil {
				b.Fatal(err)
			}
			l.Accept(time.Now())
		}
	})
}

// BenchmarkFindMiss finds sessions in turn that a cache of one never has.
func BenchmarkFindMiss(b *testing.B) {
	stores := map[string]func() session.Store{
		"memory": newMemory,
		"file":   func() session.Store { return openFile(b) },
	}
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			s := newSessions(b, session.Config{Store: open(), CacheSize: 1, Idle: time.Hour})
			values := [2]string{}
			for i := range values {
				values[i], _ = create(b, s, alice())
			}
			ctx := context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Find(ctx, cookie, values[i%2]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFindForged(b *testing.B) {
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("secrets-%d", n), func(b *testing.B) {
			s := newSessions(b, session.Config{Secrets: secrets("a", "b", "c")[:n]})
			value, _ := create(b, newSessions(b, session.Config{Secrets: secrets("x")}), alice())
			ctx := context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if _, err := s.Find(ctx, cookie, value); err == nil {
					b.Fatal("it opened")
				}
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		s := newSessions(b, session.Config{})
		b.ReportAllocs()
		for b.Loop() {
			create(b, s, alice())
		}
	})
	b.Run("file", func(b *testing.B) {
		s := newSessions(b, session.Config{Store: openFile(b)})
		b.ReportAllocs()
		for b.Loop() {
			create(b, s, alice())
		}
	})
	b.Run("file-parallel-64", func(b *testing.B) {
		s := newSessions(b, session.Config{Store: openFile(b)})
		b.SetParallelism(64 / runtime.GOMAXPROCS(0))
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				create(b, s, alice())
			}
		})
	})
}

func BenchmarkValues(b *testing.B) {
	header := []string{strings.Repeat("some_other_cookie=with-a-value; ", 10) + cookie + "=" + strings.Repeat("v", 144)}
	b.ReportAllocs()
	for b.Loop() {
		for v := range session.Values(header, cookie) {
			if v == "" {
				b.Fatal("empty")
			}
		}
	}
}

// BenchmarkCachedSession reports what a session in the hot cache occupies, the
// cookie's value and all strings included.
func BenchmarkCachedSession(b *testing.B) {
	const n = 50_000
	for b.Loop() {
		store := newMemory()
		s := newSessions(b, session.Config{Store: store, Idle: time.Hour})
		values := make([]string, n)
		for i := range values {
			values[i], _ = create(b, s, alice())
		}
		before := heap()
		for _, v := range values {
			mustFind(b, s, v)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/session")
		runtime.KeepAlive(s)
		runtime.KeepAlive(values)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func filledCache(b *testing.B, n int) (*session.Sessions, []string) {
	b.Helper()
	s := newSessions(b, session.Config{Idle: time.Hour})
	values := make([]string, n)
	for i := range values {
		values[i], _ = create(b, s, alice())
		mustFind(b, s, values[i])
	}
	return s, values
}

// A list opens every record; what it keeps does not grow with their number.
func BenchmarkList(b *testing.B) {
	s := newSessions(b, session.Config{})
	const n = 10_000
	for range n {
		create(b, s, alice())
	}
	b.ReportAllocs()
	for b.Loop() {
		listed := 0
		err := s.List(b.Context(), session.Filter{}, func(session.Listed) bool { listed++; return true })
		if err != nil || listed != n {
			b.Fatal(listed, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/session")
}
