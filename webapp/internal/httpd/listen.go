package httpd

import (
	"context"
	"net"
	"syscall"
)

// Keep-alive of TCP, in seconds: a peer that is gone is found after idle + probes * interval.
const (
	probeIdle     = 15
	probeInterval = 15
	probes        = 9
)

// ListenTCP is net.Listen for TCP. Keep-alive is switched on for the listener, from which
// Linux hands it down to each connection, instead of four system calls for each of them.
func ListenTCP(address string) (net.Listener, error) {
	c := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if closed := raw.Control(func(fd uintptr) { err = keepAlive(int(fd)) }); closed != nil {
			return closed
		}
		return err
	}}
	return c.Listen(context.Background(), "tcp", address)
}

func keepAlive(fd int) error {
	for _, o := range [][3]int{
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, probeIdle},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, probeInterval},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, probes},
	} {
		if err := syscall.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			return err
		}
	}
	return nil
}
