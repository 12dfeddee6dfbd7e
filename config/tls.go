package config

import "path/filepath"

// The keys and rules of tls: the listener for an nginx that asks by https.

// tls reads the section of that name.
func (r *reader) tls(parent *section) TLS {
	var v TLS
	s := r.open(parent.take("tls"), "tls")
	v.Listen = optional(s, "listen", "off", parseTLSAddressOrOff)
	v.Certificate = optional(s, "certificate", "", parseFile)
	v.Key = optional(s, "key", "", parseFile)
	parent.put("tls", s.close())
	return v
}

// parseTLSAddressOrOff takes an address, or off for no listener.
func parseTLSAddressOrOff(s string) (string, *violation) {
	if s == "off" {
		return s, nil
	}
	return parseListener(s, "must be host:port, unix:PATH or off", "write :9443, which is what SWAG asks by https, or off")
}

// parseFile takes the name of a file. Whether it is there, and what is in it, is
// asked anew each time that it is read: it changes at each renewal.
func parseFile(s string) (string, *violation) {
	if !filepath.IsAbs(s) || unprintable(s) {
		return "", broken("must be the absolute path of a file", "a relative one depends on where the program is started")
	}
	return filepath.Clean(s), nil
}

// checkTLS checks what takes more than one value of the section.
func (r *reader) checkTLS(c *Config) {
	for _, other := range []struct{ key, address string }{{"listen", c.Listen}, {"management", c.Management}} {
		if collide(c.TLS.Listen, other.address) && c.TLS.Listen != "off" {
			r.report("tls.listen", "must not be the address of "+other.key, "choose another one: a port speaks TLS or does not")
		}
	}
	switch {
	case c.TLS.Certificate != "" && !r.given("tls.key"):
		r.report("tls.certificate", "needs tls.key beside it", "name the file with the certificate's private key; SWAG's is privkey.pem")
	case c.TLS.Key != "" && !r.given("tls.certificate"):
		r.report("tls.key", "needs tls.certificate beside it", "name the file with the certificate and those above it; SWAG's is fullchain.pem")
	}
}
