package main

// `outpost nginx` prints the includes for the applications of a configuration.
// What they say, package nginx knows; this file reads the configuration, and puts
// the files where they are asked for.

import (
	"archive/tar"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"outpost/auth"
	"outpost/config"
	"outpost/headers"
	"outpost/nginx"
)

// printing is what the command line says of the files.
type printing struct {
	kind, out, at string
	archive       bool
}

func nginxIncludes() subcommand {
	var p printing
	return subcommand{
		name: "nginx", takes: "[NAME…]", says: "print nginx's includes for the applications of the configuration, or those of these names",
		arguments: 10_000, // names of applications
		flags: func(f *flag.FlagSet) {
			f.StringVar(&p.kind, "for", nginx.SWAG, "print for `swag|nginx|npm|ingress`")
			f.StringVar(&p.out, "out", "", "write the files into `DIR`")
			f.BoolVar(&p.archive, "tar", false, "print a tar archive of the files: out of a container that can write nowhere")
			f.StringVar(&p.at, "outpost", "", "where nginx reaches the outpost: `ADDRESS`")
		},
		do: func(_ context.Context, pr program, file string, args []string) error { return p.print(pr, file, args) },
	}
}

func (p printing) print(pr program, file string, names []string) error {
	if !slices.Contains(nginx.Kinds(), p.kind) {
		return wrongUse{fmt.Errorf("nginx: there is no --for %q: choose from %s", p.kind, strings.Join(nginx.Kinds(), ", "))}
	}
	if p.archive && p.out != "" {
		return wrongUse{errors.New("nginx: --out and --tar exclude each other: the one writes files, the other one archive of them")}
	}
	if strings.ContainsAny(p.at, " \t\r\n;{}\"'$#\\") {
		return wrongUse{fmt.Errorf("nginx: --outpost %q is no address: write host:port, or unix:/path", p.at)}
	}
	c, err := config.Load(file, pr.env)
	if err != nil {
		return err
	}
	site, err := siteOf(c, names)
	if err != nil {
		return wrongUse{fmt.Errorf("nginx: %w", err)}
	}
	if site.Outpost = p.at; p.at == "" {
		site.Outpost = outpostFor(p.kind, c.Listen)
	}
	files, err := nginx.Print(p.kind, site)
	if err != nil {
		return err
	}
	asks := auth.Nginx
	if p.kind == nginx.Ingress {
		asks = auth.Authelia
	}
	if !slices.Contains(c.FrontEnds, asks) {
		fmt.Fprintf(pr.stderr, "outpost: %s: front_ends has no %s, so these files would ask in vain: write front_ends: [%s]\n", file, asks, asks)
	}
	archive := tar.NewWriter(pr.stdout)
	for _, f := range files {
		switch {
		case p.archive:
			err = pack(archive, f)
		case p.out == "":
			_, err = fmt.Fprintf(pr.stdout, "# configuration file %s:\n%s\n", f.Name, f.Text)
		default:
			err = put(filepath.Join(p.out, filepath.FromSlash(f.Name)), f.Text)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", f.Name, err)
		}
		fmt.Fprintf(pr.stderr, "%s: %s\n", f.Name, f.Use)
	}
	if !p.archive {
		return nil
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// pack puts a file into an archive, which whoever unpacks it owns.
func pack(archive *tar.Writer, f nginx.File) error {
	err := archive.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o644, Size: int64(len(f.Text)), ModTime: time.Now().Truncate(time.Second)})
	if err != nil {
		return err
	}
	_, err = archive.Write([]byte(f.Text))
	return err
}

// put writes a file as others may read it: nginx is another user, and there is no
// secret in it.
func put(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// siteOf is what package nginx wants to know of the applications of these names,
// or of all.
func siteOf(c *config.Config, names []string) (nginx.Site, error) {
	site := nginx.Site{}
	missing := slices.Clone(names)
	for _, a := range c.Applications {
		if names != nil && !slices.Contains(names, a.Name) {
			continue
		}
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == a.Name })
		m, err := headers.NewMapping(mapping(a))
		if err != nil {
			return site, err
		}
		site.Applications = append(site.Applications, nginx.Application{
			Name: a.Name, ExternalURL: a.ExternalURL, CookieDomain: a.CookieDomain, Headers: m.Names(), Unnamed: a.Headers.AKProxy,
		})
	}
	if len(missing) > 0 {
		return site, fmt.Errorf("the file has no application %s", strings.Join(missing, ", "))
	}
	if len(site.Applications) == 0 {
		return site, errors.New("the file has no application")
	}
	return site, nil
}

// outpostFor is where an nginx of this kind reaches a listener; "" for the kind's
// own usual place. A listener for loopback alone is beside that nginx.
func outpostFor(kind, listen string) string {
	if strings.HasPrefix(listen, "unix:") {
		return listen
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = map[string]string{nginx.SWAG: "outpost", nginx.Manager: "outpost", nginx.Plain: "127.0.0.1", nginx.Ingress: "outpost.auth.svc.cluster.local"}[kind]
	}
	return net.JoinHostPort(host, port)
}
