package nginx_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// shout is a server that upgrades to WebSocket and repeats what it is told.
func shout(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		if got := r.Header.Get("X-Host"); r.Host != got {
			t.Errorf("the server sees the host %q, the client asked for %q", r.Host, got)
		}
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for {
			message, err := wsutil.ReadClientText(conn)
			if err != nil {
				return
			}
			if err := wsutil.WriteServerText(conn, append([]byte("heard "), message...)); err != nil {
				return
			}
		}
	})
}

// TestWebSocketPasses: messages pass both ways at once, and a request for no WebSocket gets the
// server's answer.
func TestWebSocketPasses(t *testing.T) {
	s := start(t, shout(t))
	d := ws.Dialer{TLSConfig: s.tlsConfig(), Header: ws.HandshakeHeaderHTTP{"X-Host": {s.addr}, "Origin": {"https://" + s.addr}}}
	conn, buffered, _, err := d.Dial(t.Context(), "wss://"+s.addr+"/api/realtime")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := struct {
		io.Reader
		io.Writer
	}{conn, conn}
	if buffered != nil { // what came together with the handshake's answer
		in.Reader = buffered
	}
	for _, message := range []string{"one", "two", "three"} {
		if err := wsutil.WriteClientText(conn, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if got, err := wsutil.ReadServerText(in); err != nil || string(got) != "heard "+message {
			t.Fatalf("%q is answered with %q (%v)", message, got, err)
		}
	}
	if got := s.get(t, s.client(t, "127.0.0.1"), "/api/realtime"); got.status != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", got.status)
	}
}

// TestDocumentsOfTheServer: its documents come from the server, unless the front end has files
// of these names.
func TestDocumentsOfTheServer(t *testing.T) {
	s := start(t, echo)
	s.writeStatic(t)
	paths := []string{"/docs", "/docs/docs.js", "/docs/docs.css", "/openapi.json", "/asyncapi.json"}
	for _, path := range paths {
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %q, want the server's answer", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/docs/", "/docs/x.js", "/docs2", "/openapi.json/x", "/x/openapi.json"} {
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusOK || string(got.body) != page {
			t.Errorf("%s: %d %q, want the front end's page", path, got.status, got.body)
		}
	}
	// Another stack, since nginx remembers for a while which files are not there.
	s = start(t, echo)
	s.writeStatic(t)
	if err := os.MkdirAll(filepath.Join(s.path("static"), "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/docs/docs.js", "/openapi.json"} {
		if err := os.WriteFile(filepath.Join(s.path("static"), path), []byte("the front end's"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusOK || string(got.body) != "the front end's" {
			t.Errorf("%s: %d %q, want the front end's file", path, got.status, got.body)
		}
	}
}

// TestInterfaceOfTheServer: everything below /ui comes from the server, with a front end or
// without one.
func TestInterfaceOfTheServer(t *testing.T) {
	s := start(t, echo)
	s.writeStatic(t)
	if err := os.MkdirAll(filepath.Join(s.path("static"), "ui"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.path("static"), "ui", "ride"), []byte("the front end's"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/ui", "/ui/", "/ui/ride", "/ui/assets/main-0123456789ab.js", "/ui/.x"} {
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %q, want the server's answer", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/uix", "/x/ui/"} {
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusOK || string(got.body) != page {
			t.Errorf("%s: %d %q, want the front end's page", path, got.status, got.body)
		}
	}
}
