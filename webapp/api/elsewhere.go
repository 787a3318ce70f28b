package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"isuride/webapp/engine"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// A server of a group that does not lead hands requests on to the one that does, so that
// clients may talk to any of them and never learn who leads. While a new leader is chosen,
// requests wait for it: that takes a fraction of a second.

const (
	// leaderPatience is how long a request waits for a leader. An election takes 0.3 s, and a
	// client waits 5 s at least.
	leaderPatience = 3 * time.Second
	// leaderless is the time after which a missing leader is no change of leaders any more:
	// requests are answered at once with what can be said without one.
	leaderless = 2 * time.Second
	// againAfter is the pause after a leader that could not be reached.
	againAfter = 20 * time.Millisecond
	// forwardLimit bounds a request that is handed on; an initialize may take 30 s (S4.1).
	forwardLimit = 40 * time.Second
	// maxForwarded bounds an answer that is no stream, in bytes.
	maxForwarded = 256 << 20
)

// Fields between the servers of a group.
const (
	// forwardedField has the name of who hands the request on. Such a request is not handed
	// on again: when two servers each take the other for the leader, neither is.
	forwardedField = "Isuride-Forwarded"
	// refusedField is in an answer to a request that was handed on to a server that does not
	// lead: nothing has changed, and it may be handed to another.
	refusedField = "Isuride-Elsewhere"
)

// others are the other servers of the group.
type others struct {
	client *http.Client
	ctx    context.Context // ends with the API, and all that is handed on with it
	end    context.CancelFunc

	mu      lockwatch.Mutex
	leader  string             // that requests are handed on to; guarded by mu
	leading context.Context    // ends when another one leads; guarded by mu
	over    context.CancelFunc // guarded by mu
}

func newOthers() *others {
	o := &others{client: &http.Client{
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024,
			IdleConnTimeout: 30 * time.Second, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	o.ctx, o.end = context.WithCancel(context.Background())
	o.leading, o.over = context.WithCancel(o.ctx)
	return o
}

// turn ends what was handed on to a leader when another one is known: the first may hang, as a machine
// that stands still does. As long as none is known it may still answer. It returns who leads, or was
// known to last, and a context that ends with that.
//
// It asks under the lock, so that nobody who has heard of an earlier leader turns back to it.
func (a *API) turn() (leader string, leading context.Context) {
	o := a.others
	o.mu.Lock()
	defer o.mu.Unlock()
	now := a.engine.Where().Leader
	if a.engine.Current() != nil {
		now = here
	}
	if now != "" && now != o.leader {
		o.over()
		o.leader = now
		o.leading, o.over = context.WithCancel(o.ctx)
	}
	return o.leader, o.leading
}

// watch turns to each leader.
func (a *API) watch() {
	for {
		changed := a.engine.Where().Changed
		a.turn()
		select {
		case <-changed:
		case <-a.others.ctx.Done():
			return
		}
	}
}

// here is no server's name: this one leads.
const here = "/"

func (o *others) close() {
	o.end()
	o.client.CloseIdleConnections()
}

var (
	errNoLeader = isuride.Errorf(isuride.Unavailable, "no server leads at the moment; try again in a second")
	errLost     = isuride.Errorf(isuride.Unavailable, "the server that leads has not answered; ask whether the change took place before trying again")
)

// elsewhere has a request answered by the server that leads, or by this one if that is it by
// then.
func (a *API) elsewhere(ctx *httpd.Ctx, e *endpoint, rideID string) {
	if ctx.Header(forwardedField) != nil {
		a.refuse(ctx, errNoLeader)
		ctx.SetHeader(refusedField, "1")
		return
	}
	patience := time.NewTimer(leaderPatience)
	defer patience.Stop()
	for !ctx.Gone() {
		where := a.engine.Where()
		if gen := a.engine.Current(); gen != nil {
			if !a.run(e, gen, ctx, rideID) {
				return
			}
		} else if address := a.opt.Members[where.Leader]; address != "" {
			if a.forward(ctx, e, where.Leader, address) {
				return
			}
		} else if where.Without > leaderless {
			break
		}
		pause := time.NewTimer(againAfter)
		select {
		case <-where.Changed:
		case <-pause.C:
		case <-patience.C:
			a.alone(ctx, e, rideID)
			return
		}
		pause.Stop()
	}
	a.alone(ctx, e, rideID)
}

// alone answers without a leader: reads with their age, writes not at all. The connection ends, as the
// others may have a leader: a front that kept it would send its requests here until the cut is mended.
func (a *API) alone(ctx *httpd.Ctx, e *endpoint, rideID string) {
	defer ctx.Last()
	if !e.stale {
		a.refuse(ctx, errNoLeader)
		return
	}
	var failed error
	age, err := a.engine.Stale(func(g *engine.Generation) error {
		failed = e.handle(call{Ctx: ctx, gen: g, rideID: rideID})
		return nil
	})
	switch {
	case err != nil:
		a.refuse(ctx, errNoLeader)
	case failed != nil:
		a.fail(ctx, failed)
	default:
		ctx.SetHeader("Age", strconv.Itoa(int(age/time.Second)))
	}
}

// refuse answers 503 with the time after which to try again.
func (a *API) refuse(ctx *httpd.Ctx, err error) {
	var domain *isuride.Error
	errors.As(err, &domain)
	writeError(ctx, http.StatusServiceUnavailable, domain.Message)
	ctx.SetHeader("Retry-After", "1")
}

// forward has the leader answer. It reports false if the leader cannot have done anything, so
// that another may be asked.
func (a *API) forward(ctx *httpd.Ctx, e *endpoint, leader, address string) (done bool) {
	now, leading := a.turn()
	if now != leader {
		return false
	}
	asked, cancel := context.WithCancel(leading)
	limit := time.AfterFunc(forwardLimit, cancel)
	request, err := a.request(asked, ctx, address)
	if err != nil {
		cancel()
		a.fail(ctx, err)
		return true
	}
	answer, err := a.others.client.Do(request)
	limit.Stop()
	if err != nil {
		cancel()
		if e.repeat || harmless(err, request.Method) {
			return false
		}
		a.refuse(ctx, errLost)
		return true
	}
	if answer.Header.Get(refusedField) != "" {
		answer.Body.Close()
		cancel()
		return false
	}
	a.pass(ctx, answer, asked, cancel)
	if a.opt.Leave {
		ctx.Last()
	}
	return true
}

// harmless reports whether a request that failed may be sent to another server.
func harmless(err error, method string) bool {
	var op *net.OpError
	return method == "GET" || method == "HEAD" || errors.As(err, &op) && op.Op == "dial"
}

// request is the one that is handed on.
func (a *API) request(asked context.Context, ctx *httpd.Ctx, address string) (*http.Request, error) {
	target := "http://" + address + string(ctx.Path())
	if query := ctx.Query(); len(query) > 0 {
		target += "?" + string(query)
	}
	request, err := http.NewRequestWithContext(asked, string(ctx.Method()), target, bytes.NewReader(ctx.Body()))
	if err != nil {
		return nil, err
	}
	ctx.EachHeader(func(name, value []byte) {
		if name := string(name); !ownField(name) {
			request.Header.Add(name, string(value))
		}
	})
	request.Header.Set(forwardedField, "1")
	request.Host = string(ctx.Header("Host")) // which a page's origin is compared with
	if ctx.WantsUpgrade(webSocket) {
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", webSocket)
	}
	return request, nil
}

// ownField reports whether a field concerns one connection, or is set by who sends.
func ownField(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host", "expect", "date",
		"x-accel-buffering":
		return true
	}
	return false
}

// pass hands an answer back. end ends the request, whose context is asked.
func (a *API) pass(ctx *httpd.Ctx, answer *http.Response, asked context.Context, end context.CancelFunc) {
	stream := strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream")
	for name, values := range answer.Header {
		if ownField(name) || stream && (name == "Content-Type" || name == "Cache-Control") {
			continue
		}
		for _, value := range values {
			ctx.SetHeader(name, value)
		}
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		tunnel(ctx, answer.Body.(io.ReadWriteCloser), asked, end) // net/http promises that
		return
	}
	ctx.SetStatus(answer.StatusCode)
	if stream {
		ctx.AfterWrite(func(err error) {
			if err != nil { // it is not opened
				end()
			}
		})
		ctx.Stream(func(s *httpd.Stream) {
			s.OnClose(end) // a client that leaves ends the leader's stream
			go pipe(s, answer.Body, end)
		})
		return
	}
	defer end()
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxForwarded))
	if err != nil {
		ctx.Forget()
		a.refuse(ctx, errLost)
		return
	}
	ctx.SetBody(body)
}

// tunnel makes the client's connection and the leader's one WebSocket, until one of them, or the
// request, ends. What is said on it is none of this server's business.
func tunnel(ctx *httpd.Ctx, leader io.ReadWriteCloser, asked context.Context, end context.CancelFunc) {
	context.AfterFunc(asked, func() { leader.Close() }) // a request that has become a connection does not end by itself
	ctx.AfterWrite(func(err error) {
		if err != nil { // it is not opened
			end()
		}
	})
	ctx.Upgrade(webSocket, func(s *httpd.Stream) {
		s.OnClose(end)
		go pipe(s, leader, end)
	}, func(from io.Reader) {
		_, _ = io.Copy(leader, from) // whichever side ends, ends both
	})
}

// pipe brings a stream of the leader's to the client, until one of them ends it.
func pipe(s *httpd.Stream, from io.ReadCloser, end context.CancelFunc) {
	defer s.Close()
	defer from.Close()
	defer end()
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && s.Write(buf[:n]) != nil || err != nil {
			return
		}
	}
}
