package main

// Does a provider that hangs hold up a check? Two daemons of the same browsers,
// thousands of them, are asked in turn: in one every session is due for its
// recheck and the provider takes the refresh and never answers; the other is
// told not to recheck.
//
// A recheck that got no answer is put off for half a minute, and a few are asked
// about at a time: it takes thousands of sessions for checks to find one due all
// the time. What the provider and the daemon's metrics counted is printed, since
// rounds in which nothing was due would look just as well. A check that waited would wait for ten
// seconds: its connection would ask for nothing more, and be missing in the
// requests a second.

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	hangName  = "the provider hangs"
	quietName = "recheck: off"
	browsers  = 4096
)

//go:embed cookies.lua
var cookieScript []byte

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
	mux.Handle("/keys", answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Use: "sig"}}}))
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
func whileHanging(ctx context.Context, ask load, folder string, rounds int, stdout io.Writer) error {
	provider, err := startHungProvider()
	if err != nil {
		return err
	}
	defer provider.server.Close()

	var servers []*server
	var hangs *daemon
	for _, setting := range []struct{ name, folder, recheck string }{{hangName, "hangs", "1s"}, {quietName, "quiet", "off"}} {
		d, err := newDaemon(setting.name, filepath.Join(folder, setting.folder), provider.issuer, "insecure_http: true\nsession: { recheck: "+setting.recheck+" }\n")
		if err != nil {
			return err
		}
		cookies, err := d.signIn(ctx, browsers)
		if err != nil {
			return err
		}
		s, err := d.start(ctx, binary(folder))
		if err != nil {
			return err
		}
		defer s.stop()
		s.cookies = d.data + ".cookies"
		if err := os.WriteFile(s.cookies, []byte(strings.Join(cookies, "\n")), 0o600); err != nil {
			return err
		}
		servers = append(servers, s)
		if hangs == nil {
			hangs = d
		}
	}
	ask.headers, ask.path = swag(""), checkPath
	if err := os.WriteFile(ask.script, append(append([]byte{}, script...), cookieScript...), 0o600); err != nil {
		return err
	}
	results, err := measure(ctx, ask, servers, modes[:1], rounds)
	if err != nil {
		return err
	}
	page := "http://" + hangs.management + "/metrics"
	failed, err := metric(ctx, page, `outpost_token_refreshes_total{provider="default",result="failed"}`)
	if err != nil {
		return err
	}
	renewed, err := metric(ctx, page, `outpost_token_refreshes_total{provider="default",result="renewed"}`)
	if err != nil {
		return err
	}
	return reportHang(stdout, results[0], provider.asked.Load(), failed, renewed)
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

// reportHang prints how long a check took at both daemons. The error says that
// the figures are of something else.
func reportHang(w io.Writer, rows []row, asked int64, failed, renewed int) error {
	fmt.Fprintf(w, "\nWhile the provider hangs, keep-alive: %d browsers in turn, every session due for its recheck\n\n", browsers)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tp50 µs\tp99 µs\tp99.9 µs\tlongest µs\trequests/s\tanswers\tnot 2xx\tbroken\tothers\t")
	wrong, others := 0, 0.0
	for _, r := range rows {
		m := r.median()
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.0f\t%d\t%d\t%d\t%.0f %%\t\n", r.server, m.p50.Microseconds(), m.p99.Microseconds(), m.p999.Microseconds(),
			m.longest.Microseconds(), m.perSecond, m.requests, m.not2xx, m.broken, 100*m.others)
		wrong += m.not2xx + m.broken
		others = max(others, m.others)
	}
	fmt.Fprintf(t, "ratio of the rounds\t%.2f\t%.2f\t%.2f\t\t%.2f\t\n",
		roundsRatio(rows, hangName, quietName, func(f figures) time.Duration { return f.p50 }), roundsRatio(rows, hangName, quietName, func(f figures) time.Duration { return f.p99 }),
		roundsRatio(rows, hangName, quietName, func(f figures) time.Duration { return f.p999 }), roundsRatio(rows, hangName, quietName, func(f figures) float64 { return f.perSecond }))
	t.Flush()
	fmt.Fprintf(w, "\nRechecks meanwhile: the provider was asked for %d refreshes and answered none; %d of them had failed by the end, %d still hung;\nthe other sessions waited in line, or found it full and will be due again.\n",
		asked, failed, asked-int64(failed))
	if others > quiet {
		fmt.Fprintln(w, "\nThe machine had other work to do meanwhile: measure again when it is quiet.")
	}
	switch {
	case wrong > 0:
		return fmt.Errorf("%d requests did not end with a 2xx: the figures say nothing", wrong)
	case asked == 0 || renewed > 0:
		return fmt.Errorf("%d refreshes were asked for and %d sessions renewed: no provider hung", asked, renewed)
	}
	return nil
}
