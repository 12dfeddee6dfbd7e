package main

// Does a provider that hangs hold up a check? Two daemons with the same sessions
// are asked in turn at one and the same rate: in one the provider takes a
// refresh and never answers, and every session asked about is due for its
// recheck just then; the other is told not to recheck.
//
// A session whose recheck was begun is not due again for half a minute, so each
// round has browsers of its own. All of them have asked once before, so that
// every session is in memory, and none was due then: the bench waits until they
// are. A check that waited for the provider would wait for ten seconds.

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	hangName  = "the provider hangs"
	quietName = "recheck: off"

	hangRate   = 2000 // checks a second: a tenth of what the daemon could do on a small machine
	hangRounds = 15   // at most: every round's sessions have to fit into the hot cache
	dueAfter   = 40 * time.Second
)

// hungProvider answers what it is asked about itself, so that every recheck
// gets as far as the refresh, where it can be held longest.
type hungProvider struct {
	issuer string
	asked  atomic.Int64 // refreshes, of which it has answered none
	server http.Server
}

func startHungProvider() (*hungProvider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &hungProvider{issuer: "http://" + listener.Addr().String()}
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/openid-configuration", answer(map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token", "jwks_uri": p.issuer + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256"},
	}))
	mux.Handle("/keys", answer(keySet(key)))
	mux.HandleFunc("/token", func(_ http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		io.Copy(io.Discard, r.Body) // or net/http would not see that the daemon has hung up
		<-r.Context().Done()
	})
	p.server.Handler = mux
	go p.server.Serve(listener)
	return p, nil
}

// whileHanging measures both daemons and prints what came of it. The daemon's
// binary is in the folder already.
func whileHanging(ctx context.Context, folder string, rounds int, duration time.Duration) (*sheet, error) {
	provider, err := startHungProvider()
	if err != nil {
		return nil, err
	}
	defer provider.server.Close()
	vegeta, err := installVegeta(ctx, folder)
	if err != nil {
		return nil, err
	}
	rounds = min(rounds, hangRounds)
	began := time.Now()
	var daemons []*daemon
	var asks [][]steady // of each daemon, for each round
	for _, setting := range []struct{ name, folder, recheck string }{{hangName, "hangs", dueAfter.String()}, {quietName, "quiet", "off"}} {
		d, err := newDaemon(setting.name, filepath.Join(folder, setting.folder), provider.issuer, "insecure_http: true\nsession: { recheck: "+setting.recheck+" }\n")
		if err != nil {
			return nil, err
		}
		perRound := hangRate * int(duration/time.Second)
		cookies, err := d.signIn(ctx, rounds*perRound)
		if err != nil {
			return nil, err
		}
		s, err := d.start(ctx, binary(folder))
		if err != nil {
			return nil, err
		}
		defer s.stop()
		daemons = append(daemons, d)
		var own []steady
		for cookies := range slices.Chunk(cookies, perRound) {
			ask := steady{vegeta: vegeta, targets: fmt.Sprintf("%s.%d", d.data, len(own)), rate: hangRate, duration: duration}
			if err := ask.write("http://"+s.address+checkPath, cookies); err != nil {
				return nil, err
			}
			own = append(own, ask)
		}
		asks = append(asks, own)
	}
	if err := warm(ctx, asks); err != nil {
		return nil, err
	}
	if asked := provider.asked.Load(); asked > 0 || time.Since(began) > dueAfter {
		return nil, fmt.Errorf("%d sessions were due before the first round, %v after the beginning: this machine is too slow for the bench", asked, time.Since(began))
	}
	select {
	case <-time.After(dueAfter):
	case <-ctx.Done():
		return nil, ctx.Err()
	}

	rows := []pace{{server: hangName}, {server: quietName}}
	for round := range rounds {
		for i := range rows {
			i = (i + round) % len(rows)
			answers, err := asks[i][round].run(ctx)
			if err != nil {
				return nil, err
			}
			rows[i].add(answers)
		}
	}
	page := "http://" + daemons[0].management + "/metrics"
	failed, err := metric(ctx, page, `outpost_token_refreshes_total{provider="default",result="failed"}`)
	if err != nil {
		return nil, err
	}
	renewed, err := metric(ctx, page, `outpost_token_refreshes_total{provider="default",result="renewed"}`)
	if err != nil {
		return nil, err
	}
	return hangSheet(rows, provider.asked.Load(), failed, renewed)
}

// warm asks once with every browser, of all daemons at once, and faster than
// the rounds do.
func warm(ctx context.Context, asks [][]steady) error {
	failed := make(chan error, len(asks))
	for _, own := range asks {
		go func() {
			var err error
			for _, ask := range own {
				if err != nil {
					break
				}
				ask.rate, ask.duration = 2*ask.rate, ask.duration/2
				_, err = ask.run(ctx)
			}
			failed <- err
		}()
	}
	var errs []error
	for range asks {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// metric reads one counter out of a metrics page.
func metric(ctx context.Context, page, series string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), series+" "); found {
			return strconv.Atoi(value)
		}
	}
	return 0, fmt.Errorf("reading %s: there is no %s", page, series)
}

// hangSheet says how long a check took at both daemons. The error says that the
// figures are of something else.
func hangSheet(rows []pace, asked int64, failed, renewed int) (*sheet, error) {
	s := &sheet{title: fmt.Sprintf("While the provider hangs: %d checks a second, each of another browser whose session is due for its recheck", hangRate)}
	wrong := paces(s, rows)
	s.notes = append(s.notes, fmt.Sprintf("The provider was asked for %d refreshes meanwhile and answered none; %d had failed by the end, %d still hung; the other sessions waited in line, or found it full and will be due again.",
		asked, failed, asked-int64(failed)))
	switch {
	case wrong > 0:
		return nil, fmt.Errorf("%d requests did not end with a 2xx: the figures say nothing", wrong)
	case asked == 0 || renewed > 0:
		return nil, fmt.Errorf("%d refreshes were asked for and %d sessions renewed: no provider hung", asked, renewed)
	}
	return s, nil
}
