// Floor answers every request with the headers named on its command line, and
// does nothing else: what is left is the price of Go's HTTP server. The bench
// program measures the check against it.
//
//	floor -listen 127.0.0.1:9000 [-timeouts] 'Name: value' …
//
// It reads no cookie, looks nothing up and says 200 to everyone.
package main

import (
	"flag"
	"log"
	"net/http"
	"strings"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "`address` to serve on")
	timeouts := flag.Bool("timeouts", false, "bound every connection in time, as the daemon does")
	flag.Parse()
	server := http.Server{Addr: *listen, Handler: answer(flag.Args())}
	if *timeouts {
		// That they are set has a price; how long they are has none.
		server.ReadHeaderTimeout = 10 * time.Second
		server.ReadTimeout = 30 * time.Second
		server.WriteTimeout = 30 * time.Second
		server.IdleTimeout = 90 * time.Second
	}
	log.Fatal(server.ListenAndServe())
}

// answer writes the lines, each "Name: value", as response headers. The value
// slices are made once and shared by all responses, since nobody appends to
// them: the cheapest way net/http has.
func answer(lines []string) http.Handler {
	type header struct {
		name   string
		values []string
	}
	var headers []header
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		headers = append(headers, header{http.CanonicalHeaderKey(name), []string{strings.TrimSpace(value)}})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for _, header := range headers {
			h[header.name] = header.values
		}
		w.WriteHeader(http.StatusOK)
	})
}
