package main

// What Prometheus scrapes; docs/metrics.md has a row for each. Labels come from
// the configuration and from fixed lists, never from a request: a stranger
// cannot make series. What an alert may count is there from the start, at 0:
// a series that begins at 1 has not increased.

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"outpost/auth"
	"outpost/config"
)

type metrics struct {
	registry *prometheus.Registry
	checks   atomic.Pointer[map[checkKey]checkSeries] // made with the configuration: a check looks up, it does not make

	checkCount *prometheus.CounterVec
	checkTime  *prometheus.HistogramVec

	loops           *prometheus.CounterVec
	untrusted       prometheus.Counter
	signIns         *prometheus.CounterVec
	signInTime      *prometheus.HistogramVec
	signOuts        *prometheus.CounterVec
	logouts         *prometheus.CounterVec
	providerCalls   *prometheus.CounterVec
	providerTime    *prometheus.HistogramVec
	providerUp      *prometheus.GaugeVec
	rechecks        *prometheus.CounterVec
	clockSkew       *prometheus.GaugeVec
	headersDropped  *prometheus.CounterVec
	machines        *prometheus.CounterVec
	sessionEvents   *prometheus.CounterVec
	sessionStoreErr *prometheus.CounterVec
	configCurrent   prometheus.Gauge
	configTaken     prometheus.Gauge
	audit           *prometheus.CounterVec
	spans           *prometheus.CounterVec
	tlsExpiry       *prometheus.GaugeVec // these two without series where there is no TLS
	tlsCurrent      *prometheus.GaugeVec
}

type checkKey struct {
	application string
	reason      auth.Reason
}

type checkSeries struct {
	count prometheus.Counter
	time  prometheus.Observer
}

// machineResults groups what became of a machine client's credential.
var machineResults = map[auth.Reason]string{
	auth.Allowed:                 "accepted",
	auth.CredentialsMalformed:    "refused",
	auth.CredentialsRefused:      "refused",
	auth.CredentialsExpired:      "refused",
	auth.CredentialsAudience:     "refused",
	auth.CredentialsScope:        "refused",
	auth.CredentialsThrottled:    "throttled",
	auth.CredentialsUnverifiable: "error",
}

var (
	checkBuckets    = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
	providerBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	signInBuckets   = []float64{1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
)

func newMetrics(c *config.Config) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.loops = m.counter("outpost_redirect_loops_total", "Sign-ins stopped because they went round in a circle.", "app")
	untrusted := m.counter("outpost_untrusted_peer_requests_total", "Checks refused because their peer is no trusted proxy.")
	m.untrusted = untrusted.WithLabelValues()
	m.signIns = m.counter("outpost_logins_total", "Sign-ins that came to an end, by how.", "provider", "result", "reason")
	m.signInTime = m.histogram("outpost_login_duration_seconds", "From the start of a sign-in to its success.", signInBuckets, "provider")
	m.signOuts = m.counter("outpost_sign_outs_total", "Sign-outs, by whether the provider was part of them.", "app", "reason")
	m.logouts = m.counter("outpost_backchannel_logouts_total", "Logout tokens that came, by what became of them.", "provider", "reason")
	m.providerCalls = m.counter("outpost_idp_requests_total", "Requests to the provider, by what for and class of status.", "provider", "op", "code_class")
	m.providerTime = m.histogram("outpost_idp_request_duration_seconds", "Time until the provider's answer began.", providerBuckets, "provider", "op")
	m.providerUp = m.gauge("outpost_idp_up", "1 if the provider's metadata and keys could be fetched the last time.", "provider")
	m.clockSkew = m.gauge("outpost_clock_skew_seconds", "The provider's clock minus ours, as of its last answer.", "provider")
	m.rechecks = m.counter("outpost_token_refreshes_total", "Rechecks of sessions at their provider, by how they ended.", "provider", "result")
	m.headersDropped = m.counter("outpost_header_truncations_total", "Sessions with a claim that cannot go into a header, or too many of them.", "app")
	m.machines = m.counter("outpost_machine_requests_total", "Credentials of machine clients, by client and outcome.", "app", "client", "result")
	m.sessionEvents = m.counter("outpost_session_events_total", "What happened to sessions.", "event")
	m.sessionStoreErr = m.counter("outpost_session_store_errors_total", "Operations that the session store failed.", "op")
	m.audit = m.counter("outpost_audit_events_total", "Lines of the audit log, by what became of them.", "result")
	m.spans = m.counter("outpost_trace_spans_total", "Spans of traces, by what became of them.", "result")
	build := m.gauge("outpost_build_info", "Always 1; the labels tell.", "version", "goversion")
	build.WithLabelValues(versionOf(), runtime.Version()).Set(1)
	m.tlsExpiry = m.gauge("outpost_tls_certificate_expiry_timestamp_seconds", "When the certificate that the TLS listener shows is over.")
	m.tlsCurrent = m.gauge("outpost_tls_certificate_last_reload_successful", "1 if the certificate in the files is the one that the TLS listener shows.")
	m.config()
	m.checkCount = m.counter("outpost_auth_requests_total", "Checks, by application and outcome.", "app", "endpoint", "result", "reason")
	m.checkTime = m.histogram("outpost_auth_duration_seconds", "Time to answer a check.", checkBuckets, "endpoint", "result")
	m.prepare(c)
	return m
}

// prepare makes the series of what is configured. It is called again for another
// configuration; what has been counted stays.
func (m *metrics) prepare(c *config.Config) {
	m.prepareChecks(c)
	m.prepareCounters(c)
}

// forget takes away what is said of the present of providers that are configured no
// more: an alert on one that is down would never end.
func (m *metrics) forget(before, now *config.Config) {
	for _, p := range before.Providers {
		if !slices.ContainsFunc(now.Providers, func(other config.Provider) bool { return other.Name == p.Name }) {
			m.providerUp.DeleteLabelValues(p.Name)
			m.clockSkew.DeleteLabelValues(p.Name)
		}
	}
}

// config says that the configuration which runs is the one in the file.
func (m *metrics) config() {
	current := m.gauge("outpost_config_last_reload_successful", "1 if the configuration file could be taken over the last time it was read.")
	taken := m.gauge("outpost_config_last_reload_success_timestamp_seconds", "When the configuration was taken over.")
	m.configCurrent, m.configTaken = current.WithLabelValues(), taken.WithLabelValues()
	m.reloaded(true, true)
}

// reloaded says whether what is in the file is all in force, and whether anything
// of it was taken over just now.
func (m *metrics) reloaded(current, taken bool) {
	m.configCurrent.Set(map[bool]float64{true: 1}[current])
	if taken {
		m.configTaken.SetToCurrentTime()
	}
}

// certificateSeen says whether the certificate in the files is the one that is shown.
func (m *metrics) certificateSeen(current bool) {
	m.tlsCurrent.WithLabelValues().Set(map[bool]float64{true: 1}[current])
}

func (m *metrics) certificateExpires(at time.Time) {
	m.tlsExpiry.WithLabelValues().Set(float64(at.Unix()))
}

func (m *metrics) prepareChecks(c *config.Config) {
	names := []string{""}
	for _, a := range c.Applications {
		names = append(names, a.Name)
	}
	checks := map[checkKey]checkSeries{}
	for reason, result := range checkResults {
		for _, name := range names {
			checks[checkKey{name, reason}] = checkSeries{
				m.checkCount.WithLabelValues(name, "nginx", result, string(reason)), m.checkTime.WithLabelValues("nginx", result),
			}
		}
	}
	m.checks.Store(&checks)
}

func (m *metrics) prepareCounters(c *config.Config) {
	for _, a := range c.Applications {
		m.loops.WithLabelValues(a.Name)
		m.headersDropped.WithLabelValues(a.Name)
		m.signOuts.WithLabelValues(a.Name, string(auth.SignedOut))
		m.signOuts.WithLabelValues(a.Name, string(auth.SignedOutHere))
	}
	for reason, result := range signInResults {
		// Without a provider: it was not chosen, or not known, when the sign-in ended.
		m.signIns.WithLabelValues("", result, string(reason))
	}
	m.logouts.WithLabelValues("", string(auth.LogoutInvalid))
	m.logouts.WithLabelValues("", string(auth.MethodNotAllowed))
	for _, p := range c.Providers {
		for _, reason := range []auth.Reason{auth.SignedOut, auth.LogoutInvalid, auth.ProviderUnreachable, auth.StoreUnavailable} {
			m.logouts.WithLabelValues(p.Name, string(reason))
		}
		m.providerUp.WithLabelValues(p.Name)
		for _, result := range auth.RecheckResults() {
			m.rechecks.WithLabelValues(p.Name, string(result))
		}
		for reason, result := range signInResults {
			m.signIns.WithLabelValues(p.Name, result, string(reason))
		}
	}
	for _, event := range []string{"created", "signed_out", "backchannel_logout", "frontchannel_logout", "revoked", "revoked_by_administrator", "over_user_limit", "over_limit", "expired", "evicted"} {
		m.sessionEvents.WithLabelValues(event)
	}
	for _, result := range []string{"written", "failed", "lost"} {
		m.audit.WithLabelValues(result)
	}
	for _, result := range []string{"sent", "failed", "dropped"} {
		m.spans.WithLabelValues(result)
	}
	for _, op := range []string{"save", "load", "replace", "delete", "touch", "find", "sweep", "scan", "len", "lock", "note"} {
		m.sessionStoreErr.WithLabelValues(op)
	}
}

// prepareMachines makes the series of the machine clients that cfg takes.
func (m *metrics) prepareMachines(cfg auth.Config) {
	clients := map[string][]string{} // by application
	for _, t := range cfg.Tokens {
		for _, name := range t.Applications {
			clients[name] = append(clients[name], t.Name)
		}
	}
	for _, a := range cfg.Applications {
		if a.Bearer != nil || a.AppPasswords || len(clients[a.Name]) > 0 {
			clients[a.Name] = append(clients[a.Name], auth.MachineKinds()...)
		}
	}
	for name, clients := range clients {
		for _, client := range clients {
			for _, result := range machineResults {
				m.machines.WithLabelValues(name, client, result)
			}
		}
	}
}

// observe adds what is asked at each scrape.
func (m *metrics) observe(c *current) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "outpost_sessions", Help: "Sessions in the store, those not yet swept included.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		n, err := c.outpost().Sessions().Len(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	}))
	m.registry.MustRegister(keyAges{c})
}

// keyAges is asked at each scrape about the providers that there are then.
type keyAges struct{ *current }

var keyAge = prometheus.NewDesc("outpost_jwks_age_seconds", "Age of the provider's keys; -1 if there are none.", []string{"provider"}, nil)

// Describe is prometheus.Collector's.
func (keyAges) Describe(to chan<- *prometheus.Desc) { to <- keyAge }

// Collect is prometheus.Collector's.
func (k keyAges) Collect(to chan<- prometheus.Metric) {
	for _, p := range k.outpost().Providers() {
		age := -1.0
		if !p.KeysFetched.IsZero() {
			age = time.Since(p.KeysFetched).Seconds()
		}
		to <- prometheus.MustNewConstMetric(keyAge, prometheus.GaugeValue, age, p.Name)
	}
}

func (m *metrics) hooks() auth.Hooks {
	return auth.Hooks{
		Check: func(application string, reason auth.Reason, took time.Duration) {
			checks := *m.checks.Load()
			series, ok := checks[checkKey{application, reason}]
			if !ok {
				series = checks[checkKey{"", auth.Internal}]
			}
			series.count.Inc()
			series.time.Observe(took.Seconds())
			if reason == auth.UntrustedPeer {
				m.untrusted.Inc()
			}
		},
		SignIn: m.signIn,
		SignOut: func(application string, reason auth.Reason) {
			m.signOuts.WithLabelValues(application, string(reason)).Inc()
		},
		Logout: func(provider string, reason auth.Reason) {
			m.logouts.WithLabelValues(provider, string(reason)).Inc()
		},
		ProviderRequest: func(provider, operation string, status int, took time.Duration) {
			m.providerCalls.WithLabelValues(provider, operation, codeClass(status)).Inc()
			m.providerTime.WithLabelValues(provider, operation).Observe(took.Seconds())
		},
		Recheck: func(provider string, result auth.RecheckResult, _ time.Duration) {
			m.rechecks.WithLabelValues(provider, string(result)).Inc()
		},
		ProviderUp: func(provider string, up bool) {
			m.providerUp.WithLabelValues(provider).Set(map[bool]float64{true: 1}[up])
		},
		ClockSkew: func(provider string, skew time.Duration) {
			m.clockSkew.WithLabelValues(provider).Set(skew.Seconds())
		},
		Machine: func(application, client string, reason auth.Reason) {
			result, known := machineResults[reason]
			if !known {
				result = machineResults[auth.CredentialsUnverifiable]
			}
			m.machines.WithLabelValues(application, client, result).Inc()
		},
		HeadersDropped: func(application string) { m.headersDropped.WithLabelValues(application).Inc() },
	}
}

func (m *metrics) signIn(application, provider string, reason auth.Reason, took time.Duration) {
	if reason == auth.NotSignedIn {
		return // a background request of somebody signed in: no sign-in came to an end
	}
	result, known := signInResults[reason]
	if !known {
		result, reason = signInResults[auth.Internal], auth.Internal
	}
	switch reason {
	case auth.SignedIn:
		m.signInTime.WithLabelValues(provider).Observe(took.Seconds())
	case auth.Loop:
		m.loops.WithLabelValues(application).Inc()
	}
	m.signIns.WithLabelValues(provider, result, string(reason)).Inc()
}

func (m *metrics) sessionEvent(event string) { m.sessionEvents.WithLabelValues(event).Inc() }
func (m *metrics) storeError(op string)      { m.sessionStoreErr.WithLabelValues(op).Inc() }

// codeClass is "2xx" and the like; "none" where there was no answer.
func codeClass(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return string('0'+byte(status/100)) + "xx"
}

func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	}, labels)
	m.registry.MustRegister(v)
	return v
}
