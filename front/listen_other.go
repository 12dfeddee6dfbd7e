//go:build !linux

package front

import "net"

// Works reports whether there is a front on this system.
const Works = false

// Listen returns l: here every request is net/http's.
func Listen(l net.Listener, _ Config) (net.Listener, error) { return l, nil }
