package redis

// What the keys are called, and how a line of a ledger reads.

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"outpost/session"
)

// tags is the number of hash tags, and of ledgers.
const tags = 256

// A line of the ledger: expires and seen in nanoseconds, noted in seconds, in
// decimal; then the indexes as they are.
const (
	timeLen  = 20
	notedLen = 11
	lineHead = 2*timeLen + notedLen
)

type line struct {
	expires, seen time.Time
	noted         time.Time // by the server's clock
	indexes       []session.Key
}

func (s *Store) record(key session.Key) string {
	k := hex.EncodeToString(key[:])
	return s.prefix + "r:{" + k[:2] + "}" + k
}

func (s *Store) ledger(tag byte) string {
	return s.prefix + "m:{" + hex.EncodeToString([]byte{tag}) + "}"
}

func (s *Store) index(index session.Key) string {
	return s.prefix + "i:" + hex.EncodeToString(index[:])
}

func (s *Store) keys(key session.Key) []string { return []string{s.record(key), s.ledger(key[0])} }

func digits(t time.Time) string { return fmt.Sprintf("%0*d", timeLen, max(t.UnixNano(), 0)) }

// milliseconds is when a record ends, never before it does.
func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli()+1, 10) }

func joined(indexes []session.Key) string {
	var b []byte
	for _, index := range indexes {
		b = append(b, index[:]...)
	}
	return string(b)
}

func readLine(text string) (line, error) {
	if text == "" {
		return line{}, nil
	}
	rest := len(text) - lineHead
	if rest < 0 || rest%len(session.Key{}) != 0 {
		return line{}, errPattern
	}
	var n [3]int64
	for i, part := range []string{text[:timeLen], text[timeLen : 2*timeLen], text[2*timeLen : lineHead]} {
		var err error
		if n[i], err = strconv.ParseInt(part, 10, 64); err != nil {
			return line{}, errPattern
		}
	}
	l := line{expires: time.Unix(0, n[0]).UTC(), seen: time.Unix(0, n[1]).UTC(), noted: time.Unix(n[2], 0)}
	for at := lineHead; at < len(text); at += len(session.Key{}) {
		l.indexes = append(l.indexes, session.Key([]byte(text[at:at+len(session.Key{})])))
	}
	return l, nil
}
