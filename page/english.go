package page

import (
	"fmt"
	"time"
)

// english is the language of every page. Its sentences keep to four rules:
// say what happened before what to do; name no cause that only the log may
// know; never blame the reader; promise nothing that is not certain.
var english = language{
	Tag: "en",
	Labels: labels{
		SignedInAs:  "Signed in as",
		Account:     "Account",
		Application: "Application",
		Rule:        "Rule",
		Host:        "Address",
		Provider:    "Sign-in service",
		Detail:      "Answer",
		Missing: map[string]string{
			"amr":       "Method needed",
			"acr":       "Level needed",
			"auth_time": "Signed in within",
		},
		Yours:       "Yours",
		Unsaid:      "not stated by the sign-in service",
		Retry:       "Try again",
		Switch:      "Use another account",
		SignOut:     "Sign out",
		Everywhere:  "Sign out everywhere",
		SignIn:      "Sign in",
		SignInAgain: "Sign in again",
		Back:        "Go back",
		Causes:      "Likely causes",
		Reason:      "Reason",
		Request:     "Request",
		Forward:     "One moment",
		Continue:    "Continue",

		ToldHeading:   "What applications are told about you",
		PlacesHeading: "Where you are signed in",
		Told: map[string]string{
			"username":     "User name",
			"name":         "Name",
			"email":        "Email",
			"groups":       "Groups",
			"entitlements": "Permissions",
			"uid":          "Account number",
		},
		Here:    "This browser",
		Created: "Signed in",
		Seen:    "last used",
		End:     "Sign out there",
		Others:  "Sign out all others",
	},
	Ago:  englishAgo,
	More: func(n int) string { return fmt.Sprintf("And %d more.", n) },
	Words: map[string]words{
		// Seen at start, after a check was refused.
		"not_signed_in": {
			Title:    "Please sign in",
			Sentence: "This page is for people who are signed in, and this browser is not.",
			Next:     "Sign in, then ask for the page again.",
		},
		"not_allowed": {
			Title:    "This account has no access",
			Sentence: "You are signed in, but this account may not use this application.",
			Next:     "Use another account, or ask the person who runs this site to let this one in.",
		},
		"unknown_path": {
			Title:    "There is nothing here",
			Sentence: "No application on this host has this address.",
			Next:     "Check the address, or go back to the page you wanted.",
		},
		"method_unknown": {
			Title:    "This site is not set up right",
			Sentence: "The web server does not say what kind of request this is, and this application's rules have to know.",
			Next:     "Tell the person who runs this site: their log says what to change.",
		},
		"client_unknown": {
			Title:    "This site is not set up right",
			Sentence: "The web server does not say where this request comes from, and this application's rules have to know.",
			Next:     "Tell the person who runs this site: their log says what to change.",
		},
		"header_too_large": {
			Title:    "Your account's details are too long",
			Sentence: "You are signed in, but the details of your account are too long to be passed on to this application.",
			Next:     "Ask the person who runs this site to have fewer groups sent along with your account.",
		},
		"insufficient_user_authentication": {
			Title:    "This sign-in is not enough",
			Sentence: "The sign-in service vouches for you, but not in the way that this application asks for.",
			Next:     "Try again and sign in as it is asked for below; if you were not asked for it, tell the person who runs this site.",
			Nobody:   true,
		},
		"unknown_host": {
			Title:    "This address is not set up",
			Sentence: "No application is set up for the address you asked for.",
			Next:     "Check the address for a typing mistake; if it is right, tell the person who runs this site.",
		},
		"host_mismatch": {
			Title:    "This address does not add up",
			Sentence: "The request named two different sites, so it was refused.",
			Next:     "Open the address in a new tab; if that does not help, tell the person who runs this site.",
		},
		"untrusted_peer": {
			Title:    "This request came the wrong way",
			Sentence: "The request did not come through the web server that guards this site, so it was refused.",
			Next:     "Use the site's own address; if you run this site, add your web server to trusted_proxies.",
		},
		"url_invalid": {
			Title:    "This address cannot be read",
			Sentence: "The address you asked for is not a valid web address.",
			Next:     "Open the site's front page and follow its links from there.",
		},
		"store_unavailable": {
			Title:    "Sign-ins cannot be looked up",
			Sentence: "The place where sign-ins are kept does not answer at the moment.",
			Next:     "Wait a minute and try again; there is no need to sign out.",
		},
		"internal": {
			Title:    "Something went wrong here",
			Sentence: "The fault is on this side, not on yours, and it has been written to the log.",
			Next:     "Try again; if it happens again, tell the person who runs this site.",
		},

		// Seen during a sign-in.
		"choose_provider": {
			Title:    "How do you want to sign in?",
			Sentence: "This site lets you choose where you sign in.",
			Next:     "Choose the sign-in service that has your account.",
			Fine:     true,
		},
		"state_invalid": {
			Title:    "This sign-in cannot go on",
			Sentence: "The answer of the sign-in service does not belong to a sign-in that was started here.",
			Next:     "Go back to the page you wanted and try again.",
		},
		"state_expired": {
			Title:    "This sign-in took too long",
			Sentence: "This sign-in took longer than 15 minutes.",
			Next:     "Go back to the page you wanted and try again.",
		},
		"state_used": {
			Title:    "This sign-in is already finished",
			Sentence: "This sign-in has been finished once and cannot be used a second time.",
			Next:     "Go back to the page you wanted and try again.",
		},
		"browser_mismatch": {
			Title:    "Another browser started this sign-in",
			Sentence: "This sign-in was started in another browser or in another private window.",
			Next:     "Go back to the page you wanted and sign in from this browser.",
		},
		"browser_missing": {
			Title:    "Your browser did not bring our cookie",
			Sentence: "The cookie that ties this sign-in to your browser is missing, so we cannot tell that it was you who started it.",
			Next:     "Allow cookies for this site, then go back to the page you wanted and try again.",
			Causes: []string{
				"The sign-in was started in another browser, or longer than 15 minutes ago.",
				"The browser blocks cookies for this site.",
				"The site was opened over plain http, and the cookie is for https only.",
			},
		},
		"callback_invalid": {
			Title:    "The answer cannot be read",
			Sentence: "The answer of the sign-in service is incomplete, or says the same thing twice.",
			Next:     "Go back to the page you wanted and try again.",
		},
		"provider_error": {
			Title:    "The sign-in service said no",
			Sentence: "The sign-in service refused this sign-in or could not finish it.",
			Next:     "Try again; if the answer stays the same, tell it to the person who runs this site.",
		},
		"provider_unreachable": {
			Title:    "The sign-in service does not answer",
			Sentence: "The sign-in service cannot be reached at the moment; people who are signed in already can go on.",
			Next:     "Wait a minute and try again.",
		},
		"provider_misconfigured": {
			Title:    "Sign-in is not set up correctly",
			Sentence: "The sign-in service and this site do not agree on how to sign you in; your account is not the cause.",
			Next:     "Tell the person who runs this site; the log says what does not agree.",
		},
		"exchange_refused": {
			Title:    "The sign-in could not be finished",
			Sentence: "The sign-in service did not let this site finish your sign-in; your account is not the cause.",
			Next:     "Try again; if it happens again, tell the person who runs this site.",
		},
		"token_invalid": {
			Title:    "The sign-in could not be verified",
			Sentence: "What the sign-in service vouched for did not pass our checks, so nobody was signed in.",
			Next:     "Try again; if it happens again, tell the person who runs this site.",
		},
		"nonce_mismatch": {
			Title:    "The sign-in could not be verified",
			Sentence: "The answer of the sign-in service belongs to another sign-in, so nobody was signed in.",
			Next:     "Go back to the page you wanted and try again.",
		},
		"userinfo_invalid": {
			Title:    "Your details could not be verified",
			Sentence: "The details that the sign-in service sent about you do not fit the account that it vouched for.",
			Next:     "Try again; if it happens again, tell the person who runs this site.",
		},
		"userinfo_unavailable": {
			Title:    "Your details could not be fetched",
			Sentence: "The sign-in service vouched for you, but did not answer when it was asked for your details.",
			Next:     "Wait a minute and try again.",
		},
		"groups_overage": {
			Title:    "Your account is in too many groups",
			Sentence: "The sign-in service left the list of your groups out because it is too long, so we cannot tell what you may use.",
			Next:     "Tell the person who runs this site: the sign-in service has to send fewer groups.",
		},
		"signed_out_meanwhile": {
			Title:    "You were signed out meanwhile",
			Sentence: "While this sign-in was under way you were signed out, so it was not finished.",
			Next:     "Go back to the page you wanted and try again.",
		},
		"loop": {
			Title:    "The sign-in keeps starting over",
			Sentence: "You have signed in three times within half a minute, and the site still does not see it, so we stopped here.",
			Next:     "Wait a minute and try again; if it happens again, tell the person who runs this site.",
			Causes: []string{
				"The cookie domain does not cover the address of the site, so your browser never sends the sign-in along.",
				"The site is opened over plain http, and the sign-in is kept for https only.",
				"The clock of the server is wrong, so the sign-in is over as soon as it begins.",
			},
		},
		"method_not_allowed": {
			Title:    "That does not work here",
			Sentence: "This address does not take that kind of request.",
			Next:     "Go back to the page you wanted and use its links or buttons.",
		},
		"not_found": {
			Title:    "There is nothing here",
			Sentence: "This address is part of the sign-in, but there is no page behind it.",
			Next:     "Check the address, or go back to the page you wanted.",
		},
		"early_data": {
			Title:    "Please send that again",
			Sentence: "The request came before the connection was fully secured, so nothing was done.",
			Next:     "Reload this page.",
		},

		// Seen by who looks themselves up.
		"account": {
			Title:    "Your account",
			Sentence: "This is who you are here, and where you are signed in.",
			Next:     "If there is a place below that you do not know, sign out there and tell the person who runs this site.",
			Fine:     true,
		},

		// Seen at sign-out.
		"signed_out": {
			Title:    "You are signed out",
			Sentence: "You are signed out here.",
			Next:     "You can close this page; other sites that you opened with this account may still know you.",
			Again:    true,
			Fine:     true,
		},
		"signed_out_here": {
			Title:    "You are signed out here",
			Sentence: "You are signed out here, but not at the sign-in service: it offers no way to do that from here.",
			Next:     "Sign out at the sign-in service as well; until then, signing in again may not ask for a password.",
			Again:    true,
			Fine:     true,
		},
		"sign_out_confirm": {
			Title:    "Do you want to sign out?",
			Sentence: "Another site asked to sign you out, so we ask you first.",
			Next:     "Sign out, or go back and stay signed in.",
		},
		"sign_out_refused": {
			Title:    "You are still signed in",
			Sentence: "Something inside a page asked to sign you out, and only you may do that.",
			Next:     "To sign out, open the sign-out address yourself.",
		},
		"logout_invalid": {
			Title:    "This sign-out cannot be read",
			Sentence: "What the sign-in service says about a sign-out is incomplete, or says the same thing twice.",
			Next:     "To sign out, open the sign-out address of the site yourself.",
		},
	},
}

// englishAgo says it in the largest unit of which there is one.
func englishAgo(d time.Duration) string {
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}}
	for _, u := range units {
		switch n := int(d / u.length); {
		case n == 1:
			return "1 " + u.name + " ago"
		case n > 1:
			return fmt.Sprintf("%d %ss ago", n, u.name)
		}
	}
	return "just now"
}
