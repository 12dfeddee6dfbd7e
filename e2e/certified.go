package e2e

// certified.go starts npm's oidc-provider, which the OpenID Foundation has
// certified. It signs in alice, bob and carol by any password.

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// startCertified is the provider as it comes: it issues refresh tokens only to
// who asks for consent each time, which the daemon does not.
func startCertified(t testing.TB, apps []application) *provider {
	t.Helper()
	return certified(t, "certified", apps, options{})
}

// startCertifiedRefreshing is one that is set to issue refresh tokens to
// everybody, and to take each of them once.
func startCertifiedRefreshing(t testing.TB, apps []application) *provider {
	t.Helper()
	return certified(t, "certified-refreshing", apps, options{IssueRefreshToken: true})
}

// startCertifiedPushed is one that wants authorization requests to be pushed.
func startCertifiedPushed(t testing.TB, apps []application) *provider {
	t.Helper()
	return certified(t, "certified-pushed", apps, options{RequirePushed: true})
}

func certified(t testing.TB, name string, apps []application, set options) *provider {
	t.Helper()
	p := &provider{name: name, issuer: "https://idp.example.test:8443", admin: person{"alice", "any"}, other: person{"bob", "any"}}
	dir := t.TempDir()
	options := optionsFor(p, dir, "127.0.0.1:8443", apps)
	options.Key, _ = rsaPEM(t)
	options.BackchannelLogoutURI = originOf(apps[0].ExternalURL) + outpostPrefix + "/backchannel_logout"
	options.IssueRefreshToken, options.RequirePushed, options.Scopes = set.IssueRefreshToken, set.RequirePushed, set.Scopes
	p.setGroups, p.lock = options.setGroups, options.lock
	p.signOut = func(v *visitor, _ string) { v.submit(v.open(p.issuer+"/session/end"), nil) }

	node := filepath.Join(repository(), "build/e2e/node/node_modules/node/bin/node") // where the machine's own is too old
	if !exists(node) {
		var err error
		if node, err = exec.LookPath("node"); err != nil {
			t.Fatal(err)
		}
	}
	p.run = func(t testing.TB) *process {
		cmd := exec.Command(node, filepath.Join(repository(), "e2e", "provider", "provider.mjs"))
		cmd.Env = []string{options.environment(t), "NODE_NO_WARNINGS=1", "NODE_EXTRA_CA_CERTS=" + shared("ca.crt")}
		process := start(t, dir, "oidc-provider", cmd)
		process.waitFor(t, "127.0.0.1:8443")
		return process
	}
	p.restart(t)
	return p
}
