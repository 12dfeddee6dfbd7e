package main

// current.go is what runs: a configuration with all that is made of it, behind one
// pointer. Whoever serves a request takes the pointer once and answers with what
// stands behind it to the end, so that no answer is of two configurations.

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"outpost/auth"
)

// current is the configuration in force.
type current struct{ now atomic.Pointer[serving] }

// serving is what one configuration comes to. It is not changed.
type serving struct {
	*auth.Outpost
	endpoints http.Handler
	nginx     bool // nginx may ask
	doubted   bool // trusted proxies have changed since the start: connections from then may be of others
}

// newCurrent puts the first one in force.
func newCurrent(o *auth.Outpost) *current {
	c := &current{}
	c.set(o, false)
	return c
}

// set puts o in force, from the next request on. doubted says whether its trusted
// proxies are others than those of the one before.
func (c *current) set(o *auth.Outpost, doubted bool) {
	if before := c.now.Load(); before != nil {
		doubted = doubted || before.doubted
	}
	c.now.Store(&serving{o, o.Endpoints(), o.Serves(auth.Nginx), doubted})
}

// outpost is the one in force now.
func (c *current) outpost() *auth.Outpost { return c.now.Load().Outpost }

// trusts and answer are what the front asks.
func (c *current) trusts(peer netip.Addr) bool { return c.outpost().Trusts(peer) }

func (c *current) answer(peer netip.Addr, h http.Header, host string, b []byte) []byte {
	now := c.now.Load()
	if !now.nginx || now.doubted && peer.IsValid() && !now.Trusts(peer) {
		return nil
	}
	return now.AnswerHot(peer, h, host, b)
}
