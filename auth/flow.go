package auth

// A flow is one attempt to sign in. The server keeps nothing for it: what has
// to be known when the person comes back travels, sealed, in state; what
// proves that it is the same browser lies in one small cookie, which all
// flows of that browser share. The code verifier and the nonce are derived
// from both (HKDF), so a state that leaks is worthless elsewhere.
//
// Sources: RFC 6749 §10.12 (state), RFC 7636 §4.1 (code verifier), OpenID
// Connect Core §15.5.2 (nonce), RFC 9700 §2.1 and §4.4 (binding, mix-up).

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"outpost/auth/provider"
	"outpost/session"
)

const (
	// signInTime is how long one sign-in may take.
	signInTime = provider.SignInTime
	// stateLifetime is how long a state can still be read, so that a late
	// callback in a signed-in browser knows where it wanted to go.
	stateLifetime = 24 * time.Hour

	flowVersion = 1
)

type flow struct {
	id          [16]byte
	begun       time.Time
	browser     [16]byte // digest of the browser's ID
	application string
	provider    string
	loop        loop
	steppedUp   bool    // the person was asked to prove anew who they are
	returnURL   string  // "" if it lies in cookies
	kept        keptURL // which cookies; zero if it does not
	fragment    [8]byte // under which name the browser keeps its fragment; zero if it was not asked to
}

// loop counts sign-ins of one browser that followed one another without an
// accepted check between them.
type loop struct {
	count uint8
	since time.Time // the first of them, to the second; zero if count is 0
}

// browser is what the browser cookie holds.
type browser struct {
	id   [16]byte
	loop loop
	last session.Key // the session that the last sign-in made
}

type flows struct {
	seals atomic.Pointer[flowSeals]
	used  usedFlows
}

// flowSeals are made of one list of secrets and never change.
type flowSeals struct {
	states   *session.Sealer
	browsers *session.Sealer
}

// flowSecret is the secret that sealed a flow's state. What else is derived for the
// flow comes from the same one, whatever becomes of the list meanwhile.
type flowSecret struct {
	states *session.Sealer
	index  int
}

func newFlows(secrets [][]byte) (*flows, error) {
	seals, err := newFlowSeals(secrets)
	if err != nil {
		return nil, err
	}
	f := &flows{}
	f.seals.Store(seals)
	return f, nil
}

func newFlowSeals(secrets [][]byte) (*flowSeals, error) {
	states, err := session.NewSealer(secrets, "state", stateLifetime)
	if err != nil {
		return nil, err
	}
	browsers, err := session.NewSealer(secrets, "browser", signInTime)
	if err != nil {
		return nil, err
	}
	return &flowSeals{states, browsers}, nil
}

// begin gives a flow its ID and binds it to the browser; it returns its state.
// The return URL is in the state unless it is kept in cookies.
func (f *flows) begin(b *browser, fl *flow) (string, flowSecret, error) {
	fl.begun, fl.browser, fl.loop = time.Now(), b.digest(), b.loop
	rand.Read(fl.id[:])
	if fl.kept != (keptURL{}) {
		fl.returnURL = ""
	}
	states := f.seals.Load().states
	state, err := states.Seal("state", fl.encode())
	return state, flowSecret{states, 0}, err
}

// open returns the flow of a state and the secret that sealed it. The error is
// session.ErrExpired for a state that was once good, else session.ErrNone.
func (f *flows) open(state string) (*flow, flowSecret, error) {
	states := f.seals.Load().states
	value, index, err := states.Open("state", state)
	if err != nil {
		return nil, flowSecret{}, err
	}
	fl, err := decodeFlow(value)
	return fl, flowSecret{states, index}, err
}

// verifier is the PKCE code verifier of a flow: 43 characters, 256 bits.
func (s flowSecret) verifier(b *browser, fl *flow) string {
	key := s.states.Derive(s.index, "code verifier", b.id[:], fl.id[:])
	return base64.RawURLEncoding.EncodeToString(key[:])
}

// nonce is the nonce of a flow.
func (s flowSecret) nonce(b *browser, fl *flow) string {
	key := s.states.Derive(s.index, "nonce", b.id[:], fl.id[:])
	return base64.RawURLEncoding.EncodeToString(key[:])
}

// browserOf reads the browser cookie; nil if there is none that is ours and
// younger than signInTime.
func (f *flows) browserOf(app *application, r *http.Request) *browser {
	browsers := f.seals.Load().browsers
	for value := range session.Values(r.Header["Cookie"], app.browser.Name) {
		if raw, _, err := browsers.Open(app.browser.Name, value); err == nil {
			if b := decodeBrowser(raw); b != nil {
				return b
			}
		}
	}
	return nil
}

// keepBrowser sets the browser cookie anew, for another signInTime.
func (f *flows) keepBrowser(w http.ResponseWriter, app *application, b *browser) error {
	value, err := f.seals.Load().browsers.Seal(app.browser.Name, b.encode())
	if err == nil {
		http.SetCookie(w, app.browser.Set(value))
	}
	return err
}

// young reports whether the flow may still be finished.
func (fl *flow) young(now time.Time) bool { return now.Sub(fl.begun) <= signInTime }

func newBrowser() *browser {
	b := &browser{}
	rand.Read(b.id[:])
	return b
}

func (b *browser) digest() (d [16]byte) {
	sum := sha256.Sum256(b.id[:])
	copy(d[:], sum[:])
	return d
}

// began reports whether fl was begun in this browser.
func (b *browser) began(fl *flow) bool {
	d := b.digest()
	return subtle.ConstantTimeCompare(d[:], fl.browser[:]) == 1
}

const (
	flagKept      = 1 << iota // the return URL lies in cookies
	flagSteppedUp             // flow.steppedUp
	flagFragment              // flow.fragment is there
)

var errFlow = errors.New("flow: not of this version")

func (fl *flow) encode() []byte {
	out := []byte{flowVersion}
	out = append(out, fl.id[:]...)
	out = append(out, fl.browser[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(fl.begun.UnixNano()))
	out = fl.loop.append(out)
	var flags byte
	if fl.steppedUp {
		flags |= flagSteppedUp
	}
	if fl.fragment != [8]byte{} {
		flags |= flagFragment
	}
	if fl.kept == (keptURL{}) {
		out = append(out, flags)
	} else {
		out = binary.BigEndian.AppendUint64(append(out, flags|flagKept), uint64(fl.kept.at))
		out = append(out, fl.kept.sum[:]...)
	}
	if flags&flagFragment != 0 {
		out = append(out, fl.fragment[:]...)
	}
	for _, s := range []string{fl.application, fl.provider, fl.returnURL} {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	return out
}

func decodeFlow(in []byte) (*flow, error) {
	const fixed = 1 + 16 + 16 + 8 + loopSize + 1
	if len(in) < fixed || in[0] != flowVersion {
		return nil, errors.Join(errFlow, session.ErrNone)
	}
	fl := &flow{id: [16]byte(in[1:17]), browser: [16]byte(in[17:33])}
	fl.begun = time.Unix(0, int64(binary.BigEndian.Uint64(in[33:41])))
	fl.loop = decodeLoop(in[41 : 41+loopSize])
	flags, in := in[fixed-1], in[fixed:]
	fl.steppedUp = flags&flagSteppedUp != 0
	if flags&flagKept != 0 {
		if len(in) < 8+32 {
			return nil, errors.Join(errFlow, session.ErrNone)
		}
		fl.kept = keptURL{int64(binary.BigEndian.Uint64(in)), [32]byte(in[8 : 8+32])}
		in = in[8+32:]
	}
	if flags&flagFragment != 0 {
		if len(in) < 8 {
			return nil, errors.Join(errFlow, session.ErrNone)
		}
		fl.fragment, in = [8]byte(in[:8]), in[8:]
	}
	for _, s := range []*string{&fl.application, &fl.provider, &fl.returnURL} {
		n, used := binary.Uvarint(in)
		if used <= 0 || n > uint64(len(in)-used) {
			return nil, errors.Join(errFlow, session.ErrNone)
		}
		*s, in = string(in[used:used+int(n)]), in[used+int(n):]
	}
	return fl, nil
}

func (b *browser) encode() []byte {
	out := append([]byte{flowVersion}, b.id[:]...)
	out = b.loop.append(out)
	return append(out, b.last[:]...)
}

func decodeBrowser(in []byte) *browser {
	if len(in) != 1+16+loopSize+32 || in[0] != flowVersion {
		return nil
	}
	return &browser{id: [16]byte(in[1:17]), loop: decodeLoop(in[17 : 17+loopSize]), last: session.Key(in[17+loopSize:])}
}

const loopSize = 1 + 8

func (l loop) append(out []byte) []byte {
	var since uint64
	if l.count > 0 {
		since = uint64(l.since.Unix())
	}
	return binary.BigEndian.AppendUint64(append(out, l.count), since)
}

func decodeLoop(in []byte) loop {
	if in[0] == 0 {
		return loop{}
	}
	return loop{in[0], time.Unix(int64(binary.BigEndian.Uint64(in[1:])), 0)}
}
