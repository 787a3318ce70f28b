package payment

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

// A Service is the HTTP face of a Core. It serves on the event loop of the World, so that
// the core needs no lock, and a waiting payment costs a timer instead of a goroutine.
type Service struct {
	core     *Core
	loop     *evloop.Loop
	listener evloop.FD
	again    evloop.Timer // accepts again after descriptors ran out
	conns    map[*conn]struct{}
	statuses map[int]int
}

// NewService serves core on a TCP address of the form that net.Listen takes. It must be
// closed.
func NewService(core *Core, loop *evloop.Loop, address string) (*Service, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close() // the service has its own descriptor
	s := &Service{core: core, loop: loop, conns: map[*conn]struct{}{}, statuses: map[int]int{}}
	s.again.Fire = func() { s.listener.Want(evloop.Readable) }
	fd, err := duplicate(l.(*net.TCPListener))
	if err != nil {
		return nil, err
	}
	if s.listener, err = loop.Watch(fd, evloop.Readable, s); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func duplicate(l *net.TCPListener) (fd int, err error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return -1, err
	}
	if cerr := raw.Control(func(num uintptr) { fd, err = unix.FcntlInt(num, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		return -1, cerr
	}
	return fd, err
}

// Close ends the service and its connections.
func (s *Service) Close() {
	s.loop.Cancel(&s.again)
	s.listener.Close()
	for c := range s.conns {
		c.close()
	}
}

// Statuses counts the answers so far by their status.
func (s *Service) Statuses() map[int]int { return s.statuses }

// Ready accepts new connections. The loop calls it.
func (s *Service) Ready(evloop.Events) {
	for {
		fd, _, err := unix.Accept4(s.listener.Num(), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			s.serve(fd)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EAGAIN):
			return
		default: // no descriptor or memory: the loop would report it again at once
			s.listener.Want(0)
			s.loop.Start(&s.again, acceptPause)
			return
		}
	}
}

// acceptPause is long enough not to burn CPU and short enough for a retry to matter.
const acceptPause = 50 * time.Millisecond

// A response answers a request.
type response struct {
	status int
	body   []byte // JSON, may be empty
}

// handle answers a request at once, or calls answer later.
func (s *Service) handle(r *http.Request, body []byte, answer func(response)) {
	switch {
	case r.URL.Path != "/payments":
		answer(message(http.StatusNotFound, "no such path"))
	case r.Method == http.MethodGet:
		s.list(r, answer)
	case r.Method == http.MethodPost:
		s.pay(r, body, answer)
	default:
		answer(message(http.StatusMethodNotAllowed, "GET and POST only"))
	}
}

func (s *Service) pay(r *http.Request, body []byte, answer func(response)) {
	q := Request{Key: r.Header.Get("Idempotency-Key")}
	q.Token, q.HasToken = bearer(r)
	q.Amount, q.HasAmount = amount(body)
	attempt, status := s.core.Begin(q)
	if attempt == nil {
		answer(explained(status))
		return
	}
	s.after(PostDelay, func() { answer(explained(s.core.Finish(now(), attempt))) })
}

func (s *Service) list(r *http.Request, answer func(response)) {
	token, has := bearer(r)
	s.after(ListDelay, func() {
		payments, status := s.core.List(token, has)
		if status != http.StatusOK {
			answer(explained(status))
			return
		}
		items := make([]listed, len(payments))
		for i, p := range payments {
			items[i] = listed{p.Amount, p.Result.String()}
		}
		answer(response{status, marshal(items)})
	})
}

// listed is a payment as the API shows it.
type listed struct {
	Amount int    `json:"amount"`
	Status string `json:"status"`
}

func (s *Service) after(d world.Instant, f func()) {
	s.loop.Start(&evloop.Timer{Fire: f}, time.Duration(d)*time.Microsecond)
}

func bearer(r *http.Request) (token string, ok bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// amount reads {"amount": 1}; a missing member counts as 0, as with any Go server.
func amount(body []byte) (int, bool) {
	var q struct {
		Amount int `json:"amount"`
	}
	err := json.Unmarshal(body, &q)
	return q.Amount, err == nil
}

// explained adds a text to errors of the client. The random ones are empty (B11.2).
func explained(status int) response {
	switch status {
	case http.StatusBadRequest:
		return message(status, "bad token or amount")
	case http.StatusUnprocessableEntity:
		return message(status, "the idempotency key was used for another payment")
	}
	return response{status: status}
}

func message(status int, text string) response {
	return response{status, marshal(map[string]string{"message": text})}
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// append writes the response in HTTP/1.1.
func (r response) append(b []byte, keepAlive bool) []byte {
	b = fmt.Appendf(b, "HTTP/1.1 %d %s\r\n", r.status, http.StatusText(r.status))
	if r.status != http.StatusNoContent {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.body)), 10)
		b = append(b, "\r\n"...)
	}
	if len(r.body) > 0 {
		b = append(b, "Content-Type: application/json;charset=utf-8\r\n"...)
	}
	if !keepAlive {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "\r\n"...)
	return append(b, r.body...)
}

// now is the time on the bench's clock.
func now() world.Instant { return world.Instant(time.Now().UnixMicro()) }
