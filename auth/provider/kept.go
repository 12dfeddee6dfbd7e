package provider

// What was last good of a provider, in the data directory: with it a process
// that begins while the provider is down can still sign people out there, and
// knows its keys.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// kept is what lies in the data directory for each provider.
type kept struct {
	Fetched  time.Time       `json:"fetched"`
	Metadata metadata        `json:"metadata"`
	Keys     json.RawMessage `json:"keys"`
}

func (p *Provider) keptFile() string { return filepath.Join(p.keepDir, "provider-"+p.name+".json") }

// keep writes what was fetched beside the old file and renames it, so that
// there is always a whole one.
func (p *Provider) keep(m *metadata) error {
	if p.keepDir == "" {
		return nil
	}
	body, err := json.Marshal(kept{time.Now().UTC(), *m, p.keys.document()})
	if err != nil {
		return err
	}
	temp := p.keptFile() + ".new"
	if err := os.WriteFile(temp, body, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, p.keptFile())
}

// recall reads what keep wrote. A file that is missing, unreadable or of
// another issuer is as good as none.
func (p *Provider) recall() {
	if p.keepDir == "" {
		return
	}
	body, err := os.ReadFile(p.keptFile())
	if err != nil {
		return
	}
	var k kept
	if err := json.Unmarshal(body, &k); err != nil || p.accept(&k.Metadata) != nil || p.keys.take(k.Keys, k.Fetched) != nil {
		p.log.Warn("the provider's metadata in the data directory cannot be used", "file", p.keptFile())
		return
	}
	p.keys.from = k.Metadata.JWKS
	p.known.Store(&k.Metadata)
}
