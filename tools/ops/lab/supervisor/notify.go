package supervisor

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"isuride/tools/ops/lab/unit"
)

// notifier is the socket on which a service of type notify says that it is ready, and
// how it is doing later. Each service has its own, so that nobody has to find out who
// speaks.
type notifier struct {
	path  string
	ready chan struct{} // closed at READY=1
	conn  *net.UnixConn
}

// listen opens the socket; other types have none, and so get nil.
func (v *service) listen(s *unit.Service) (*notifier, error) {
	if s.Type != unit.Notify {
		return nil, nil
	}
	folder := filepath.Join(v.super.Runtime, "systemd", "notify")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, v.name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o777); err != nil { // the service has a user of its own
		conn.Close()
		return nil, err
	}
	n := &notifier{path: path, ready: make(chan struct{}), conn: conn}
	go n.read(v)
	return n, nil
}

// read takes messages until the socket is closed.
func (n *notifier) read(v *service) {
	var once sync.Once
	buf := make([]byte, 4096)
	for {
		size, err := n.conn.Read(buf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(buf[:size])) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch {
			case key == "READY" && value == "1":
				once.Do(func() { close(n.ready) })
			case key == "STATUS":
				v.mu.Lock()
				v.shown.Status = value
				v.mu.Unlock()
			}
		}
	}
}
