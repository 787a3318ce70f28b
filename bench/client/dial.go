package client

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client/evloop"
)

// A Route is one way to the server. Each pair of addresses has its own ports, so more
// routes allow more connections (B15.3).
type Route struct {
	Source netip.Addr     `json:"source"` // zero: the system chooses
	Dest   netip.AddrPort `json:"dest"`
}

// String reads like "127.0.0.2 -> 127.0.0.1:8080".
func (r Route) String() string {
	if !r.Source.IsValid() {
		return "-> " + r.Dest.String()
	}
	return r.Source.String() + " -> " + r.Dest.String()
}

// Routes pairs every source with every destination of the same address family; no sources
// leave the choice to the system. The order is such that entities which take the routes
// in turn use all sources and all destinations evenly.
func Routes(sources []netip.Addr, dests []netip.AddrPort) []Route {
	if len(sources) == 0 {
		sources = []netip.Addr{{}}
	}
	var routes []Route
	for shift := range sources {
		for i, d := range dests {
			s := sources[(i+shift)%len(sources)]
			if !s.IsValid() || s.Is4() == d.Addr().Is4() {
				routes = append(routes, Route{Source: s, Dest: d})
			}
		}
	}
	return routes
}

// keepAlive is the time between probes of an idle connection (B13.1).
const keepAlive = 60 * time.Second

// dial starts a connection for e. An error is known at once only if the system has no
// socket or port to give, or the last descriptors are kept from one that can wait.
func dial(e *entity, canWait bool) (*conn, error) {
	engine := e.shard.engine
	if !e.shard.makeRoom(canWait) {
		engine.dials.failed(e.route, unix.EMFILE)
		return nil, unix.EMFILE
	}
	e.shard.open++
	c := &conn{entity: e, route: e.route}
	c.idleTimer.Fire = c.close
	engine.dials.started(e.route)
	if engine.tls != nil {
		dialTLS(c)
		return c, nil
	}
	fd, err := connect(engine.config.Routes[e.route])
	if err == nil {
		c.fd, err = e.shard.loop.Watch(fd, evloop.Writable, c)
		if err != nil {
			unix.Close(fd)
		}
	}
	c.watched = err == nil
	if err != nil {
		engine.dials.failed(e.route, err)
		engine.dials.closed(e.route, false)
		e.shard.open--
		return nil, err
	}
	return c, nil
}

// connect makes a socket that is being connected.
func connect(r Route) (int, error) {
	family := unix.AF_INET
	if r.Dest.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := prepare(fd, r); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func prepare(fd int, r Route) error {
	if err := setOptions(fd, r.Source.IsValid()); err != nil {
		return fmt.Errorf("socket option: %w", err)
	}
	if r.Source.IsValid() {
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(r.Source, 0))); err != nil {
			return fmt.Errorf("bind to %v: %w", r.Source, err)
		}
	}
	if err := unix.Connect(fd, sockaddr(r.Dest)); err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("connect to %v: %w", r.Dest, err)
	}
	return nil
}

// setOptions sets what net/http's connections have. With a source address the choice of
// the port is left to connect, so that each pair of addresses has all ports, and
// TIME_WAIT ports can be used again (B15.3).
func setOptions(fd int, bound bool) error {
	options := []struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(keepAlive / time.Second)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(keepAlive / time.Second)},
		{unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1},
	}
	if !bound {
		options = options[:len(options)-1]
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// dialBlocking is the same for a goroutine that may wait.
func dialBlocking(ctx context.Context, r Route) (net.Conn, error) {
	d := net.Dialer{KeepAlive: keepAlive, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if r.Source.IsValid() {
			cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) })
			if cerr != nil {
				return cerr
			}
		}
		return err
	}}
	if r.Source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.Source, 0))
	}
	return d.DialContext(ctx, "tcp", r.Dest.String())
}
