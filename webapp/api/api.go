// Package api is the HTTP face of the server: routes, cookies, the handlers of all
// endpoints, the notification streams, the static files, and the one table from error
// codes to statuses.
//
// It leaves the HTTP protocol to internal/httpd, the hot messages to wire, and every
// rule to state and engine.
package api

import (
	"errors"
	"log/slog"
	"time"

	"isuride/webapp/engine"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
)

// Options configure an API.
type Options struct {
	// Polling answers notifications by single JSON objects, to be asked for again after
	// PollPause, instead of event streams (spec 6.1).
	Polling   bool
	PollPause time.Duration
	// Static serves everything outside /api/.
	Static *Static
	Log    *slog.Logger
}

// API answers requests with the current generation of an engine.
type API struct {
	engine *engine.Engine
	opt    Options
	crew   *crew
	routes map[string]route
}

// New makes an API; Serve is its handler.
func New(e *engine.Engine, opt Options) *API {
	a := &API{engine: e, opt: opt, crew: newCrew()}
	a.routes = a.table()
	return a
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
		a.opt.Static.Serve(ctx)
		return
	}
	handle, ok := r.handlers[string(ctx.Method())]
	if !ok {
		ctx.SetHeader("Allow", r.allow)
		writeError(ctx, 405, "method "+string(ctx.Method())+" is not allowed here")
		return
	}
	a.run(handle, call{Ctx: ctx, gen: a.engine.Current(), rideID: rideID})
}

// run answers with what the handler says, once everything that the answer may tell of
// is as durable as promised.
func (a *API) run(handle handler, c call) {
	err := handle(c)
	if err == nil {
		err = c.gen.Barrier()
	}
	if err != nil {
		a.fail(c.Ctx, err)
	}
}

// fail answers with an error. Anything but a domain error is ours, and logged.
func (a *API) fail(ctx *httpd.Ctx, err error) {
	var domain *isuride.Error
	if errors.As(err, &domain) {
		writeError(ctx, statusOf[domain.Code], domain.Message)
		return
	}
	a.opt.Log.Error("request failed", "path", string(ctx.Path()), "err", err)
	writeError(ctx, 500, "internal error")
}
