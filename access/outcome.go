package access

// Outcome is what comes of a request, the strictest first: of several readings
// of one URL the least counts. The zero value is Deny.
type Outcome uint8

// The outcomes. Nothing but Allowed and Public lets anybody in.
const (
	Deny    Outcome = iota // no, whoever it is; also for nobody signed in
	StepUp                 // the person may, but has not proved enough: see Verdict.Lacks
	SignIn                 // nobody is signed in, and somebody has to be
	Allowed                // the person may
	Public                 // anybody may, signed in or not
)

func (o Outcome) String() string {
	switch o {
	case StepUp:
		return "step up"
	case SignIn:
		return "sign in"
	case Allowed:
		return "allow"
	case Public:
		return "public"
	}
	return "deny"
}

// Why says what a verdict rests on, in a word for a log field.
type Why string

// The reasons, each with the outcomes that it comes with.
const (
	WhyTarget           Why = "target"            // Deny: the target does not begin with "/"
	WhyDenied           Why = "deny"              // Deny: the rule denies
	WhyMethodUnknown    Why = "method_unknown"    // Deny: the rule asks for a method, and the front end did not say it
	WhyClientUnknown    Why = "client_unknown"    // Deny: the rule asks for a network, and the address is not known
	WhyDefault          Why = "default"           // Deny: no rule matches, and the default is to deny
	WhyApplicationAllow Why = "application_allow" // Deny: the application does not let the person in
	WhyRuleAllow        Why = "rule_allow"        // Deny: the application does, the rule does not
	WhyRequire          Why = "require"           // StepUp
	WhyNobody           Why = "not_signed_in"     // SignIn
	WhyDoubtful         Why = "doubtful"          // SignIn: the rule is public, but the URL can be read in more than one way
	WhyAllowed          Why = "allowed"           // Allowed
	WhyPublic           Why = "public"            // Public: the rule says so
	WhyPreflight        Why = "preflight"         // Public, by a switch of Config.Public, as the next three
	WhyFavicon          Why = "favicon"
	WhyRobots           Why = "robots"
	WhyManifest         Why = "manifest"
)

// Verdict answers a Request. The zero value is Deny.
type Verdict struct {
	Outcome Outcome
	Rule    int    // the number of the rule that decided, from 1; 0 if none matched
	Lacks   []Lack // what the person has not proved, in the order of Requirement.Lacks; nil unless Outcome is StepUp
	Why     Why
}

// explicit reports whether a denial is one that a switch does not lift.
func (v *Verdict) explicit() bool {
	return v.Outcome == Deny && (v.Why == WhyDenied || v.Why == WhyMethodUnknown || v.Why == WhyClientUnknown)
}

// unjudged is laxer than every outcome, so that no verdict keeps it.
const unjudged = Public + 1

func stricter(a, b Verdict) Verdict {
	if b.Outcome < a.Outcome {
		return b
	}
	return a
}
