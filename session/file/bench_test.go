package file

// What the file costs. Run with
//
//	go test -run '^$' -bench . -benchmem ./session/file

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"outpost/session"
)

func benchKey(n int) session.Key { return sha256.Sum256(fmt.Append(nil, n)) }

// filled returns a file with n sessions of a usual size, ID token included.
func filled(b *testing.B, n int) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "sessions.db")
	s, err := Open(path, nil)
	if err != nil {
		b.Fatalf("Open: %v", err)
	}
	s.db.Load().NoSync = true
	var wg sync.WaitGroup
	for worker := range 500 {
		wg.Go(func() {
			for i := worker; i < n; i += 500 {
				r := session.Record{
					Sealed:  make([]byte, 1200),
					Expires: time.Now().Add(time.Hour),
					Seen:    time.Now(),
					Indexes: []session.Key{benchKey(-i % 1000), benchKey(-i)},
				}
				if err := s.Save(b.Context(), benchKey(i), r); err != nil {
					b.Errorf("Save: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		b.Fatalf("Close: %v", err)
	}
	return path
}

func BenchmarkOpen100k(b *testing.B) {
	path := filled(b, 100_000)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatalf("Stat: %v", err)
	}
	for b.Loop() {
		s, err := Open(path, nil)
		if err != nil {
			b.Fatalf("Open: %v", err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(info.Size())/100_000, "B/session")
}

func Benchmark100k(b *testing.B) {
	const n = 100_000
	s, err := Open(filled(b, n), nil)
	if err != nil {
		b.Fatalf("Open: %v", err)
	}
	defer s.Close()
	i := 0
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			i++
			if _, err := s.Load(b.Context(), benchKey(i%n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("touch-4096", func(b *testing.B) {
		for b.Loop() {
			seen := make(map[session.Key]time.Time)
			for range 4096 {
				i++
				seen[benchKey(i%n)] = time.Now()
			}
			if err := s.Touch(b.Context(), seen); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			got := 0
			if err := s.Scan(b.Context(), func(session.Key, session.Record) bool { got++; return true }); err != nil || got != n {
				b.Fatal(got, err)
			}
		}
	})
	b.Run("sweep-nothing", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Sweep(b.Context(), time.Now(), time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}
