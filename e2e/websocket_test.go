package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestWebSocket: the handshake is checked like any request, and the check is
// not disturbed by its Connection and Upgrade headers.
func TestWebSocket(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		handshake := "GET /socket HTTP/1.1\r\nHost: webtop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://webtop.test\r\nSec-Fetch-Mode: websocket\r\n%s\r\n"
		if status, header := rawRequest(t, "webtop.test", fmt.Sprintf(handshake, "")); status == http.StatusSwitchingProtocols || status == http.StatusUnauthorized {
			t.Errorf("without a session: got %d %v", status, header)
		}
		if s.app.count() > 0 {
			t.Error("the application was reached without a session")
		}

		b := newBrowser(t)
		b.open("https://webtop.test/")
		b.signIn(s.provider.admin)
		greeting := b.eval(`new Promise((resolve) => {
			const socket = new WebSocket('wss://webtop.test/socket');
			socket.onmessage = (event) => resolve(event.data);
			socket.onerror = () => resolve('no connection');
		})`)
		if greeting != s.provider.admin.name {
			t.Errorf("over the socket the application calls the person %q", greeting)
		}
		if log := s.nginx.accessLog(t); strings.Contains(log, `" 401 `) {
			t.Errorf("a client saw 401:\n%s", log)
		}
	})
}
