package session

import "time"

// clock tells the time by which sessions end. It is the wall clock, but where
// the wall clock has been set back since the process began, the monotonic one
// goes on: so a step back never gives a session more than its lifetime, and a
// step forward ends sessions early, which is the safe side. So does a clock that
// was ahead when the process began, until the next restart, for sessions that are
// older than the process. Across a restart there is nothing but the wall clock.
type clock struct {
	base time.Time // carries a monotonic reading
	wall int64     // the wall clock at base, in Unix nanoseconds
}

func newClock() clock {
	base := time.Now()
	return clock{base: base, wall: base.UnixNano()}
}

// at returns the Unix nanoseconds of t, which should come from time.Now: one
// without a monotonic reading is taken as it is.
func (c *clock) at(t time.Time) int64 {
	return max(t.UnixNano(), c.wall+int64(t.Sub(c.base)))
}

func (c *clock) now() int64 { return c.at(time.Now()) }

// instant is the time.Time of what at returns.
func instant(ns int64) time.Time { return time.Unix(0, ns).UTC() }
