package auth

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"outpost/headers"
)

// denials keeps refusals from flooding the log: at most a few a second for each
// reason are written, since who floods us must not fill the disk as well. What
// was left out is counted in the next line. The zero value is ready.
type denials struct {
	mu      sync.Mutex
	reasons map[Reason]*denial
}

type denial struct {
	limit      *rate.Limiter
	suppressed int
}

const denialsPerSecond = 10

func (d *denials) log(log *slog.Logger, refused Decision, hint string, r *http.Request, peers headers.Peers) {
	reason := refused.Reason
	suppressed, ok := d.take(reason)
	if !ok {
		return
	}
	level := slog.LevelWarn
	if reason == NotAllowed {
		level = slog.LevelInfo
	}
	attrs := []any{"reason", string(reason), "url", redacted(r.Header.Get("X-Original-Url")), "host", cut(r.Host), "peer", r.RemoteAddr, "client_ip", peers.ClientIP(r.Header, r.RemoteAddr).String()}
	if refused.Application != "" {
		attrs = append(attrs, "application", refused.Application)
	}
	if refused.Machine != "" {
		attrs = append(attrs, "client", refused.Machine)
	}
	if refused.Rule != 0 {
		attrs = append(attrs, "rule", refused.Rule)
	}
	if hint != "" {
		attrs = append(attrs, "hint", hint)
	}
	if suppressed > 0 {
		attrs = append(attrs, "suppressed", suppressed)
	}
	log.Log(r.Context(), level, "check refused", attrs...)
}

// take reports whether one more line may be written, and how many were not
// since the last one.
func (d *denials) take(reason Reason) (suppressed int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reasons == nil {
		d.reasons = map[Reason]*denial{}
	}
	one := d.reasons[reason]
	if one == nil {
		one = &denial{limit: rate.NewLimiter(denialsPerSecond, denialsPerSecond)}
		d.reasons[reason] = one
	}
	if !one.limit.Allow() {
		one.suppressed++
		return 0, false
	}
	suppressed, one.suppressed = one.suppressed, 0
	return suppressed, true
}

// redacted is a URL as a log may hold it: without its query, in which people
// and providers put codes and tokens.
func redacted(raw string) string {
	raw, query, found := strings.Cut(raw, "?")
	if found && query != "" {
		raw += "?…"
	}
	return cut(raw)
}

// cut keeps one request from filling the log.
func cut(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
