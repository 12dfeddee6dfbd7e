package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// containers are the names that Docker's DNS would know, each with addresses
// of its own on the loopback.
var containers = struct {
	sync.Mutex
	running map[string][][4]byte
}{running: map[string][][4]byte{
	"outpost":          {{127, 0, 2, 1}},
	"authentik-server": {{127, 0, 2, 1}},
	"webtop":           {{127, 0, 2, 2}},
	"tautulli":         {{127, 0, 2, 3}},
}}

// setContainer makes a name resolve to an address, or to nothing, until the
// test ends. Four bytes more are one more address.
func setContainer(t testing.TB, name string, address ...byte) {
	t.Helper()
	containers.Lock()
	defer containers.Unlock()
	before := containers.running[name]
	t.Cleanup(func() {
		containers.Lock()
		defer containers.Unlock()
		if before == nil {
			delete(containers.running, name)
		} else {
			containers.running[name] = before
		}
	})
	delete(containers.running, name)
	for one := range slices.Chunk(address, 4) {
		containers.running[name] = append(slices.Clip(containers.running[name]), [4]byte(one))
	}
}

// isContainer reports whether a name resolves to an address.
func isContainer(name string) bool {
	containers.Lock()
	defer containers.Unlock()
	_, known := containers.running[name]
	return known
}

// serveDNS stands in for Docker's embedded DNS: containers by their names, and
// every host below test at nginx's address. A name that exists has no AAAA
// record, which is an empty answer and not an error: nginx takes a refusal for
// "no such host".
func serveDNS(address string) error {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return fmt.Errorf("serving DNS: %w", err)
	}
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, peer, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer, err := answerDNS(buffer[:n]); err == nil {
				conn.WriteTo(answer, peer)
			}
		}
	}()
	return nil
}

func answerDNS(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	containers.Lock()
	addresses, known := containers.running[name]
	containers.Unlock()
	if !known && strings.HasSuffix(name, ".test") {
		addresses, known = [][4]byte{{127, 0, 0, 1}}, true
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{question},
	}
	switch {
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		for _, address := range addresses {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   &dnsmessage.AResource{A: address},
			})
		}
	}
	return reply.Pack()
}
