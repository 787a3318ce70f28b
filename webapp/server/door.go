package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"isuride/webapp/engine"
	"isuride/webapp/internal/httpd"
)

// door is where a server of a group takes requests as long as it leads, and at no other time: a
// front with the doors of all servers finds the leader by trying, and a refused connection, which
// costs nothing and has carried no request, tells it of a change. Connections that are open when
// the leadership ends go on; their requests are handed on, and each ends with its next answer
// (api.Options.Leave).
type door struct {
	address string
	engine  *engine.Engine
	http    *httpd.Server
	log     *slog.Logger
	quit    chan struct{} // closed by close
	done    chan struct{} // closed when nobody listens any more
}

// tryDoor reports at the start what would else come to light when this server is to lead.
func tryDoor(address string) error {
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("ISURIDE_LEADER_LISTEN: %w", err)
	}
	return l.Close()
}

// openDoor begins to open and close the door; without an address it returns nil.
func openDoor(address string, e *engine.Engine, s *httpd.Server, log *slog.Logger) *door {
	if address == "" {
		return nil
	}
	d := &door{address: address, engine: e, http: s, log: log, quit: make(chan struct{}), done: make(chan struct{})}
	go d.keep()
	return d
}

// keep follows the leadership.
func (d *door) keep() {
	defer close(d.done)
	var open net.Listener
	for {
		changed := d.engine.Where().Changed
		switch leads := d.engine.Current() != nil; {
		case leads && open == nil:
			open = d.listen()
		case !leads && open != nil:
			open.Close()
			open = nil
		}
		select {
		case <-changed:
		case <-d.quit:
			if open != nil {
				open.Close()
			}
			return
		}
	}
}

// listen returns nil if it cannot: the front comes to the address of ISURIDE_LISTEN then.
func (d *door) listen() net.Listener {
	l, err := httpd.ListenTCP(d.address)
	if err != nil {
		d.log.Error("this server leads and cannot listen for the fronts; free the address in ISURIDE_LEADER_LISTEN", "err", err)
		return nil
	}
	d.log.Info("listening while this server leads", "address", l.Addr().String())
	go func() {
		if err := d.http.Serve(l); !errors.Is(err, httpd.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			d.log.Error("the listener for the fronts has failed", "err", err)
		}
	}()
	return l
}

// close comes before the server's own end, so that fronts turn to another one at once.
func (d *door) close() {
	if d == nil {
		return
	}
	close(d.quit)
	<-d.done
}
