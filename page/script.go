package page

// The scripts of the few pages that have one. Each is a constant, so that a policy
// can allow it by its hash and nothing else; what it needs to know stands in the
// page, in attributes. No page needs its script: without it there is a link to
// click, a window to close, or a page to load again.

import (
	"crypto/sha256"
	"encoding/base64"
)

// Channel is the BroadcastChannel on which a window that has signed in again says
// so: to pages of its own origin alone, and without a word about who it is. Not
// postMessage to the window that opened it: that one may be anybody's.
const Channel = "outpost"

const (
	// onwardScript takes the fragment along, which no server ever sees: Fragment says
	// how.
	onwardScript = `const a = document.querySelector("a"), {keep, take, cookie} = a.dataset;
let hash = location.hash;
try {
	if (keep && hash) {
		sessionStorage.setItem(keep, hash);
		document.cookie = cookie;
	} else if (take) {
		hash = sessionStorage.getItem(take) || hash;
		sessionStorage.removeItem(take);
	}
} catch {}
location.replace(a.href + (keep || !hash.startsWith("#") ? "" : hash));`

	// choicesScript has whichever link is taken lead on with the fragment.
	choicesScript = `for (const a of document.querySelectorAll("a.button")) a.hash = location.hash;`

	// refreshScript tells that somebody is signed in, and closes the window, which
	// browsers allow where a page has opened it.
	refreshScript = `try {
	new BroadcastChannel("` + Channel + `").postMessage("signed in");
} catch {}
setTimeout(() => window.close(), 200);`

	// frameScript asks again when a window of this origin has signed in.
	frameScript = `try {
	new BroadcastChannel("` + Channel + `").onmessage = () => location.reload();
} catch {}`
)

// hash is how a policy names an inline script or style.
func hash(inline string) string {
	sum := sha256.Sum256([]byte(inline))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
