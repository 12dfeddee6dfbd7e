package main

// audit.go writes the audit log: one JSON object a line, of who came in, who did
// not, what ended, and what administrators did. docs/audit.md is its schema.
//
// Nobody waits for it. Events go into a line of their own, and what writes them
// runs behind it; so a disk that is slow or full costs no check and no sign-in a
// moment. While it cannot be written it is tried again every second; when the line
// is full, events are lost, and the first thing written afterwards says how many.
// That is a decision: whoever can fill a disk must not be able to shut everybody
// out. An alert tells.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"outpost/auth"
	"outpost/config"
	"outpost/session"
)

const (
	auditQueue = 8192            // events that wait to be written, of some hundred bytes each
	auditRetry = time.Second     // between tries to write
	auditDrain = 5 * time.Second // for what is left at the end
	auditTime  = "2006-01-02T15:04:05.000Z07:00"
)

// Events of the program, besides those of package auth.
const (
	eventStarted       = "started"
	eventStopped       = "stopped"
	eventReloaded      = "configuration_reloaded"
	eventReloadRefused = "configuration_refused"
	eventSecretRotated = "secret_rotated"
	eventAdminListed   = "administrator_listed"
	eventAdminRevoked  = "administrator_revoked"
	eventLost          = "events_lost"
)

// auditLine is one line. Its fields are those of docs/audit.md, in this order;
// what does not apply is left out.
type auditLine struct {
	Time        string       `json:"time"`
	Event       string       `json:"event"`
	Reason      string       `json:"reason,omitempty"`
	Application string       `json:"application,omitempty"`
	Provider    string       `json:"provider,omitempty"`
	Issuer      string       `json:"issuer,omitempty"`
	Subject     string       `json:"subject,omitempty"`
	User        string       `json:"user,omitempty"`
	Client      string       `json:"client,omitempty"`
	Session     string       `json:"session,omitempty"`
	Rule        int          `json:"rule,omitempty"`
	URL         string       `json:"url,omitempty"`
	Address     string       `json:"client_ip,omitempty"`
	RequestID   string       `json:"request_id,omitempty"`
	Sessions    int          `json:"sessions,omitempty"`
	StepUp      bool         `json:"step_up,omitempty"`
	Everywhere  bool         `json:"everywhere,omitempty"`
	Repeated    int          `json:"repeated,omitempty"`
	By          string       `json:"by,omitempty"`
	Filter      *auditFilter `json:"filter,omitempty"`
	Version     string       `json:"version,omitempty"`
	Lost        int64        `json:"lost,omitempty"`
}

// auditFilter is what an administrator's command named.
type auditFilter struct {
	ID          string `json:"id,omitempty"`
	User        string `json:"user,omitempty"`
	Application string `json:"application,omitempty"`
	Provider    string `json:"provider,omitempty"`
	Before      string `json:"before,omitempty"`
}

// audit is the audit log. A nil one takes everything and writes nothing.
type audit struct {
	to     auditSink
	log    *slog.Logger
	counts *prometheus.CounterVec // by result
	queue  chan auditLine
	lost   atomic.Int64 // since the last events_lost
	broken bool         // the last try failed; of run alone
	closed chan struct{}
	end    time.Time // when to give up, once it is closed
	done   chan struct{}
	once   sync.Once
}

// openAudit opens the audit log of the configuration; nil where there is none.
func openAudit(c config.AuditLog, stdout io.Writer, log *slog.Logger, m *metrics) (*audit, error) {
	if c.File == "" {
		return nil, nil
	}
	a := &audit{log: log, counts: m.audit, queue: make(chan auditLine, auditQueue), closed: make(chan struct{}), done: make(chan struct{})}
	a.to = streamSink{stdout}
	if c.File != config.AuditStdout {
		file := &fileSink{path: c.File}
		if err := file.follow(); err != nil {
			return nil, fmt.Errorf("audit_log.file: %w: it is made with mode 0600 in a directory that has to be there, for uid %d to write", err, os.Geteuid())
		}
		a.to = file
	}
	go a.run()
	return a, nil
}

// hook has package auth tell it everything.
func (a *audit) hook(c *auth.Config) {
	if a != nil {
		c.Hooks.Event = a.event
	}
}

// event takes what package auth tells.
func (a *audit) event(e auth.Event) {
	a.take(auditLine{
		Event: string(e.Kind), Reason: e.Reason, Application: e.Application, Provider: e.Provider, Issuer: e.Issuer, Subject: e.Subject, User: e.User,
		Client: e.Client, Session: e.Session, Rule: e.Rule, URL: e.URL, Address: knownAddress(e.Address), RequestID: e.RequestID, Sessions: e.Sessions,
		StepUp: e.StepUp, Everywhere: e.Everywhere, Repeated: e.Repeated,
	})
}

// knownAddress leaves out the word for an address that nobody knows.
func knownAddress(a string) string {
	if a == "invalid IP" {
		return ""
	}
	return a
}

func (a *audit) started() { a.take(auditLine{Event: eventStarted, Version: versionOf()}) }

// reloaded tells what became of reading the configuration anew, at whose word.
func (a *audit) reloaded(err error, rotated bool, by string) {
	l := auditLine{Event: eventReloaded, By: by}
	if err != nil {
		l.Event = eventReloadRefused
	}
	a.take(l)
	if err == nil && rotated {
		a.take(auditLine{Event: eventSecretRotated, By: by})
	}
}

// administrator tells that somebody looked at sessions, or ended some.
func (a *audit) administrator(event string, f session.Filter, sessions int) {
	filter := auditFilter{ID: f.ID, User: f.User, Application: f.Application, Provider: f.Provider}
	if !f.Before.IsZero() {
		filter.Before = f.Before.UTC().Format(time.RFC3339)
	}
	a.take(auditLine{Event: event, By: byAdministrator, Filter: &filter, Sessions: sessions})
}

// take puts an event into the line. It never waits.
func (a *audit) take(l auditLine) {
	if a == nil {
		return
	}
	l.Time = time.Now().UTC().Format(auditTime)
	select {
	case a.queue <- l:
	default:
		a.lost.Add(1)
		a.counts.WithLabelValues("lost").Inc()
	}
}

// close writes what is there to write, for auditDrain at most, and closes the
// file. Nothing may be told after it.
func (a *audit) close() {
	if a == nil {
		return
	}
	a.take(auditLine{Event: eventStopped})
	a.once.Do(func() {
		a.end = time.Now().Add(auditDrain)
		close(a.closed)
	})
	<-a.done
}

func (a *audit) run() {
	defer close(a.done)
	defer a.to.close()
	for {
		select {
		case l := <-a.queue:
			a.write(l)
		case <-a.closed:
			for {
				select {
				case l := <-a.queue:
					a.write(l)
				default:
					return
				}
			}
		}
	}
}

// write writes one event, trying again until it is written, or until the end.
func (a *audit) write(l auditLine) {
	line := encodeLine(l)
	for {
		if lost := a.lost.Swap(0); lost > 0 {
			if !a.put(encodeLine(auditLine{Time: time.Now().UTC().Format(auditTime), Event: eventLost, Lost: lost})) {
				a.lost.Add(lost)
			}
		}
		if a.lost.Load() == 0 && a.put(line) {
			return
		}
		select {
		case <-time.After(auditRetry):
			continue
		case <-a.closed:
		}
		if !time.Now().Before(a.end) {
			a.counts.WithLabelValues("lost").Inc()
			return
		}
		time.Sleep(auditRetry)
	}
}

// put tries once; it logs when writing stops working, and when it works again.
func (a *audit) put(line []byte) bool {
	err := a.to.write(line)
	switch {
	case err != nil:
		a.counts.WithLabelValues("failed").Inc()
		if !a.broken {
			a.log.Error("the audit log cannot be written; it is tried again, and people go on signing in", "cause", err.Error())
		}
	default:
		a.counts.WithLabelValues("written").Inc()
		if a.broken {
			a.log.Info("the audit log is written again")
		}
	}
	a.broken = err != nil
	return err == nil
}

// encodeLine makes a line of an event. JSON escapes what could end the line, or look
// like another.
func encodeLine(l auditLine) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(l) // strings and numbers: it cannot fail
	return b.Bytes()
}
