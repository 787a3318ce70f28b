package systemctl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Serve answers the clients of a socket until it is closed. power is called, after the
// answer has gone out, when somebody asks for it.
func (s *Server) Serve(ctx context.Context, l *net.UnixListener, power func(Power)) error {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return err
		}
		go func() {
			if p := s.serve(ctx, conn); p != StayOn {
				power(p)
			}
		}()
	}
}

func (s *Server) serve(ctx context.Context, conn *net.UnixConn) Power {
	defer conn.Close()
	root, err := isRoot(conn)
	if err != nil {
		return StayOn
	}
	var args []string
	if err := json.NewDecoder(conn).Decode(&args); err != nil {
		return StayOn
	}
	a := s.Answer(ctx, args, root)
	_ = json.NewEncoder(conn).Encode(a) // who has gone needs no answer
	return a.Power
}

// isRoot asks the kernel who is at the other end.
func isRoot(conn *net.UnixConn) (bool, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false, err
	}
	var cred *syscall.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		cred, failure = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || failure != nil {
		return false, fmt.Errorf("peer: %v %v", err, failure)
	}
	return cred.Uid == 0, nil
}

// Client carries a command line to PID 1 and the answer back.
func Client(socket string, args []string, out, complaints io.Writer) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(complaints, "Failed to connect to bus:", err)
		return failed
	}
	defer conn.Close()
	var a Answer
	if err = json.NewEncoder(conn).Encode(args); err == nil {
		err = json.NewDecoder(conn).Decode(&a)
	}
	if err != nil {
		fmt.Fprintln(complaints, "Failed to read from bus:", err)
		return failed
	}
	fmt.Fprint(out, a.Out)
	fmt.Fprint(complaints, a.Complaints)
	return a.Exit
}
