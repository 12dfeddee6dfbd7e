package nginx

// For SWAG: the files of this folder under the names that its samples include,
// and a file for each application that is sent more than authentik's headers.

import (
	"fmt"
	"strings"
)

func printSWAG(s Site) ([]File, error) {
	if strings.HasPrefix(s.Outpost, "unix:") {
		return nil, fmt.Errorf("the outpost is at %s, and SWAG's files want host:port: name the container with --outpost outpost:9000, or print for nginx", s.Outpost)
	}
	server := shipped("authentik-server.conf")
	if s.Outpost != "" {
		server = strings.ReplaceAll(server, "outpost:9000;", s.Outpost+";")
	}
	files := []File{
		{"authentik-server.conf", server, "in the server block of each application, as SWAG's samples have it"},
		{"authentik-location.conf", shipped("authentik-location.conf"), "in each location that needs a sign-in, as SWAG's samples have it"},
	}
	clear := shipped("outpost-clear.conf")
	before := len(files)
	for _, a := range s.Applications {
		if a.domain() {
			files = append(files, signInHost(a, len(s.domains()) > 1))
		}
		if own := a.own(); own != nil {
			files = append(files, ownLocation(a, own))
		} else {
			files[1].Use += fmt.Sprintf("; all that %s needs", a.Name)
		}
	}
	if more := s.everybodys()[len(Site{}.everybodys()):]; clears(more) != "" {
		clear += "\n# Those of this configuration.\n" + clears(more)
	}
	files = append(files[:before:before], append([]File{{"outpost-clear.conf", clear, "in each location that is proxied without a sign-in"}}, files[before:]...)...)
	return files, nil
}

// domains are the applications for a whole domain.
func (s Site) domains() (all []Application) {
	for _, a := range s.Applications {
		if a.domain() {
			all = append(all, a)
		}
	}
	return all
}

// ownLocation takes the place of authentik-location.conf for one application.
func ownLocation(a Application, own []string) File {
	name := "outpost-app-" + a.Name + ".conf"
	text := printed(
		"Inside each location of "+a.where()+" that needs a sign-in, in place of the include",
		"of authentik-location.conf, which it has inside.", a.unnamed()) +
		"include /config/nginx/authentik-location.conf;\n" + a.stamp() + "\n\n" + hands(own)
	return File{name, text, fmt.Sprintf("in the locations of %s, in place of authentik-location.conf", a.where())}
}

// signInHost is outpost.subdomain.conf for the host of one application.
func signInHost(a Application, several bool) File {
	name := "proxy-confs/outpost.subdomain.conf"
	if several {
		name = "proxy-confs/outpost-" + a.Name + ".subdomain.conf"
	}
	text := shipped("outpost.subdomain.conf")
	text = strings.Replace(text, "server_name outpost.*;", "server_name "+a.ExternalURL.Hostname()+";", 1)
	text = strings.Replace(text, "# for outpost.\n", "# for "+a.ExternalURL.Hostname()+".\n", 1)
	if port := a.ExternalURL.Port(); port != "" {
		text = strings.ReplaceAll(text, "443", port)
	}
	return File{name, text, "the sign-in host of " + a.CookieDomain}
}
