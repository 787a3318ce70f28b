// Package api is the HTTP face of the server: routes, cookies, the handlers of all
// endpoints, the notification streams, the static files, and the one table from error
// codes to statuses.
//
// It leaves the HTTP protocol to internal/httpd, the hot messages to wire, and every
// rule to state and engine.
package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"time"

	"isuride/webapp/admission"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
	"isuride/webapp/questions"
)

// Options configure an API.
type Options struct {
	// Polling answers notifications by single JSON objects, to be asked for again after
	// PollPause, instead of event streams (S6.1).
	Polling   bool
	PollPause time.Duration
	// Static serves everything outside /api/.
	Static *Static
	// Feed is what /api/feed and /api/realtime show. Operator is the token with which they
	// show everything; "" for none.
	Feed     *feed.Feed
	Operator string
	// Questions are what the operator may ask of the city's past.
	Questions *questions.Asker
	// OnSlow is called for answers that took Slow or longer, as they are sent: with the
	// request's id, the endpoint and the time. Streams and endpoints that wait on other
	// systems are excluded. It must not block. A Slow of 0 means never.
	Slow   time.Duration
	OnSlow func(request, endpoint string, took time.Duration)
	// Members are the addresses (host:port) at which the servers of the group take requests
	// from each other, by name; nil for a server alone.
	Members map[string]string
	// Leave has a connection end with the answer to a request that was handed on, so that a front
	// which knows how to find the leader opens its next one there.
	Leave bool
	Log   *slog.Logger
	// Gate decides what is refused while the server is short of something; nil for nothing.
	Gate *admission.Gate
}

// API answers requests with the current generation of an engine.
type API struct {
	engine    *engine.Engine
	opt       Options
	writers   *writerPool
	followers *followers
	others    *others
	routes    map[string]route
	refused   map[admission.Reason][]refusal // by the seconds of Retry-After

	static, other *endpoint            // what is no endpoint, see staticName and otherName
	recipients    [2]recipientCounters // by state.Side
}

// New makes an API; Serve is its handler, and Observe must be called for its answers.
func New(e *engine.Engine, opt Options) *API {
	if opt.Slow <= 0 {
		opt.Slow = math.MaxInt64
	}
	a := &API{engine: e, opt: opt, writers: newWriterPool(), followers: newFollowers(), others: newOthers(), refused: refusals(),
		static: &endpoint{name: staticName, latency: external}, other: &endpoint{name: otherName, latency: unbounded}}
	a.routes = a.table()
	if opt.Members != nil {
		go a.watch()
	}
	return a
}

// Close ends the writers of the streams, once the HTTP server and the engine have
// stopped.
func (a *API) Close() {
	a.others.close()
	a.writers.close()
}

// call is one request on its way through a handler. It is passed by value, so that it
// need not be allocated.
type call struct {
	*httpd.Ctx
	gen    *engine.Generation
	rideID string // from the path, "" if it has none
}

const jsonHead = "Content-Type: application/json;charset=utf-8\r\n"

// json answers with a body that is a JSON text already.
func (c call) json(status int, body []byte) {
	c.SetStatus(status)
	c.SetHead(jsonHead)
	c.SetBody(body)
}

// noContent answers 204.
func (c call) noContent() { c.SetStatus(204) }

// Serve is the httpd.Handler.
func (a *API) Serve(ctx *httpd.Ctx) {
	r, rideID, found := a.find(ctx.Path())
	if !found {
		a.serveFile(ctx)
		return
	}
	e, ok := r.endpoints[string(ctx.Method())]
	if !ok {
		ctx.SetHeader("Allow", r.allow)
		writeError(ctx, 405, "method "+string(ctx.Method())+" is not allowed here")
		return
	}
	ctx.SetTag(e)
	gen := a.engine.Current()
	if gen == nil {
		a.elsewhere(ctx, e, rideID)
		return
	}
	if a.run(e, gen, ctx, rideID) {
		a.elsewhere(ctx, e, rideID)
	}
}

// serveFile answers a request for a path that is no endpoint.
func (a *API) serveFile(ctx *httpd.Ctx) {
	if name := string(ctx.Path()); name == "/api" || strings.HasPrefix(name, "/api/") {
		writeError(ctx, 404, "there is no endpoint "+name)
		return
	}
	ctx.SetTag(a.static)
	a.opt.Static.Serve(ctx)
}

// run answers with what the handler says, once everything that the answer may reveal is
// as safe as promised. A refusal reveals as much as any other answer. moved says that there
// is no answer and nothing has changed, since another server leads now.
func (a *API) run(e *endpoint, gen *engine.Generation, ctx *httpd.Ctx, rideID string) (moved bool) {
	since := gen.Begin()
	err := e.handle(call{Ctx: ctx, gen: gen, rideID: rideID})
	if unsafe := gen.Barrier(since, e.leased); unsafe != nil && !errors.Is(err, engine.ErrElsewhere) {
		err = unsafe
	}
	if err == nil {
		return false
	}
	if errors.Is(err, engine.ErrElsewhere) {
		ctx.Forget()
		return true
	}
	a.fail(ctx, err)
	return false
}

// fail answers with an error. Anything but a domain error is ours.
func (a *API) fail(ctx *httpd.Ctx, err error) {
	status, message, level := 500, internalError, slog.LevelError
	var domain *isuride.Error
	if errors.As(err, &domain) {
		status, message = statusOf[domain.Code], domain.Message
	}
	var failed *engine.InitializeError
	if errors.As(err, &failed) {
		status, message = 500, internalError+": "+failed.Message()
	}
	if status == 502 { // the gateway's doing
		level = slog.LevelWarn
	}
	if status == 401 {
		ctx.SetHeader("WWW-Authenticate", authScheme)
	}
	if status >= 500 {
		a.opt.Log.Log(context.Background(), level, "request failed", "request", ctx.ID(),
			"method", string(ctx.Method()), "path", string(ctx.Path()), "status", status, "err", err)
		message = withID(ctx, message)
	}
	writeError(ctx, status, message)
}
