package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"isuride/webapp/api"
	"isuride/webapp/dispatch"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/flight"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/internal/logging"
	"isuride/webapp/isuride"
	"isuride/webapp/match"
	"isuride/webapp/questions"
	"isuride/webapp/sqlstore"
	"isuride/webapp/ui"
	"isuride/webapp/wire"
)

// server holds the running parts.
type server struct {
	db     *sqlstore.Store // nil in a group, where the engine has it
	engine *engine.Engine
	api    *api.API
	feed   *feed.Feed
	http   *httpd.Server

	stream   *streaming // nil without one
	shedding *shedding
	broken   chan error // has the error of a listener that failed
	inside   *internal  // nil if there is none
	door     *door      // nil if there is none
	log      *slog.Logger

	// Of copies of the tables.
	tables   sqlstore.Config
	operator string      // the token
	copying  atomic.Bool // one is being made
}

// pollPause is the pause that polling clients are asked for; the contest's clients make
// the same one unasked (S6.1).
const pollPause = 30 * time.Millisecond

// drainLimit bounds the wait for requests under way at a stop; a rating may take 10 s
// (S10.2).
const drainLimit = 12 * time.Second

func start(ctx context.Context, cfg config, repair bool, log *logging.Log) (*server, error) {
	static, err := api.NewStatic(ctx, cfg.static, ui.Files(), log.Logger)
	if err != nil {
		return nil, fmt.Errorf("ISURIDE_STATIC: %w", err)
	}
	// A file that is no dump must be found now, not at the first initialize.
	if cfg.dump != "" {
		if _, err := initialData(cfg.dump)(); err != nil {
			return nil, err
		}
	}
	var undo []func() error
	defer func() {
		for _, f := range slices.Backward(undo) {
			_ = f() // the error that ended the start is the one to report
		}
	}()
	// Comes before anything that a running server may be using, such as its sockets.
	journals, err := engine.LockFolder(cfg.journal)
	if err != nil {
		return nil, err
	}
	undo = append(undo, journals.Close)
	listeners, err := listen(cfg)
	undo = append(undo, func() error { return closeAll(listeners) })
	if err != nil {
		return nil, err
	}
	if err := tryDoor(cfg.door); err != nil {
		return nil, err
	}
	recorder := new(flight.Recorder)
	onSlow, err := keepTraces(ctx, cfg, recorder, log.Logger)
	if err != nil {
		return nil, err
	}
	inside, err := serveInternal(cfg, recorder, log.Logger)
	if err != nil {
		return nil, fmt.Errorf("ISURIDE_INTERNAL: %w", err)
	}
	operator, path, err := operatorToken(cfg.data, cfg.group)
	if err != nil {
		return nil, fmt.Errorf("ISURIDE_DATA: %w", err)
	}
	log.Info("the operator's token is in a file", "path", path)
	log.Info("opening", "database", cfg.db.String())
	settings := engineConfig(cfg, journals, repair, log.Logger)
	settings.Violated = newEvidence(cfg.data, recorder, log.Logger).keep
	db, e, err := startEngine(ctx, cfg, settings)
	if err != nil {
		return nil, err
	}
	undo = nil // from here on, stop does it
	shedding, err := shed(cfg.shed, e.Behind)
	if err != nil {
		return nil, errors.Join(err, e.Stop(), closeDatabase(db))
	}
	figures := &figures{name: cfg.serverName()}
	live := newFeed(e, figures.look, log.Logger)
	a := api.New(e, api.Options{Polling: cfg.polling, PollPause: pollPause, Static: static, Feed: live, Operator: operator, Questions: questions.New(cfg.questdb, time.Now),
		Slow: cfg.slow, OnSlow: figures.slowly(onSlow), Members: cfg.clients(), Leave: cfg.door != "", Log: log.Logger, Gate: shedding.gate})
	o := httpd.Options{MaxConns: maxConns(fileLimit()), Error: api.WriteProtocolError, Observe: a.Observe, Log: log.Logger}
	if shedding.gate != nil {
		o.Admit, o.Waits = a.Admit, shedding.gate
	}
	s := &server{db: db, engine: e, api: a, feed: live, broken: make(chan error, len(listeners)), shedding: shedding,
		inside: inside, log: log.Logger, http: httpd.New(a.Serve, o), tables: cfg.db, operator: operator}
	figures.s = s
	s.stream = startStream(cfg.kafka, e, live, log.Logger)
	s.inside.show(s, log.Errors)
	for _, l := range listeners {
		log.Info("listening", "address", l.Addr().String())
		go func() {
			if err := s.http.Serve(l); !errors.Is(err, httpd.ErrServerClosed) {
				s.broken <- err
			}
		}()
	}
	s.door = openDoor(cfg.door, e, s.http, log.Logger)
	return s, nil
}

// startEngine starts an engine on its database, or a member of a group, which opens its own.
func startEngine(ctx context.Context, cfg config, c engine.Config) (*sqlstore.Store, *engine.Engine, error) {
	if cfg.group != nil {
		c.Group = cfg.group.engine(cfg.db, c.Log)
		e, err := engine.StartMember(ctx, c)
		return nil, e, err
	}
	db, err := sqlstore.Open(ctx, cfg.db, c.Log)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", databaseVariable(cfg.db.Dialect, err), err)
	}
	e, err := engine.Start(ctx, db, c)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, e, nil
}

// fileLimit is the number of files that this process may have open.
func fileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32
	}
	return min(limit.Cur, math.MaxInt32)
}

// maxConns leaves a thirty-second of the open files, 100 to 600, to the database, the
// journal and the payment gateway.
func maxConns(files uint64) int {
	return max(1, int(files)-int(min(max(files/32, 100), 600)))
}

// databaseVariable names the variable to check when a database cannot be opened.
func databaseVariable(d sqlstore.Dialect, err error) string {
	switch {
	case d == sqlstore.SQLite:
		return "ISURIDE_SQLITE or ISURIDE_DATA"
	case errors.Is(err, sqlstore.ErrAccount):
		return "ISUCON_DB_USER or ISUCON_DB_PASSWORD"
	case errors.Is(err, sqlstore.ErrDatabase):
		return "ISUCON_DB_NAME or ISUCON_DB_USER"
	}
	return "ISUCON_DB_HOST and its like"
}

// stop finishes the requests under way, then writes everything. Cutting off a client is no
// failure: what was acknowledged is written. The steps and their limits are in
// docs/working-here.md.
func (s *server) stop() error {
	s.engine.Yield()
	s.door.close()
	s.stream.stop()
	s.feed.Close()
	s.api.Farewell()
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("requests were under way for too long and were cut off", "after", drainLimit.String())
	}
	s.shedding.stop()
	err := s.engine.Stop()
	s.api.Close()
	return errors.Join(err, closeDatabase(s.db), s.inside.close())
}

// closeDatabase closes what is there.
func closeDatabase(db *sqlstore.Store) error {
	if db == nil {
		return nil
	}
	return db.Close()
}

func engineConfig(cfg config, journals *engine.Folder, repair bool, log *slog.Logger) engine.Config {
	return engine.Config{
		JournalDir:  cfg.journal,
		Folder:      journals,
		Durability:  cfg.durability,
		KeepJournal: cfg.keepJournal,
		Repair:      repair,
		InitialData: initialData(cfg.dump),
		Describe:    func(c *isuride.Chair) []byte { return wire.AppendChairIdentity(nil, c.ID, c.Name, c.Model) },
		Solver:      solver(cfg.solver),
		Dispatch:    dispatch.DefaultParams(),
		Now:         now,
		Log:         log,
	}
}

// newFeed makes the feed of the generation that serves.
func newFeed(e *engine.Engine, figures func() *feed.Figures, log *slog.Logger) *feed.Feed {
	return feed.New(feed.Options{Log: log, Now: now, Figures: figures, Current: func() feed.Source {
		g := e.Current()
		if g == nil { // another server leads
			return feed.Source{}
		}
		return feed.Source{Epoch: g.Number(), Store: g.Store, Journal: g.Journal(), Folder: g.Folder(), Secret: g.Secret("feed")}
	}})
}

func now() isuride.Time { return isuride.TimeOf(time.Now()) }

func initialData(dump string) func() (*isuride.Tables, error) {
	if dump == "" {
		return sqlstore.InitialTables
	}
	return func() (*isuride.Tables, error) {
		rows, err := sqlstore.ReadDumpFile(dump)
		if err != nil {
			return nil, fmt.Errorf("ISURIDE_INITIAL_DATA: %w", err)
		}
		return rows, nil
	}
}

func solver(name string) func() dispatch.Solver {
	if name == "go-hungarian" {
		return func() dispatch.Solver { return new(match.Hungarian) }
	}
	return func() dispatch.Solver { return new(match.Workspace) }
}

// listen opens all listeners. They come right after the journals' lock, so that a port in
// use is reported at once. After an error it returns those that are open.
func listen(cfg config) (listeners []net.Listener, err error) {
	for _, address := range cfg.listen {
		l, err := listenOn(address)
		if err != nil {
			return listeners, fmt.Errorf("ISURIDE_LISTEN: %w", err)
		}
		listeners = append(listeners, l)
	}
	for _, address := range cfg.tlsListen {
		cert, err := cfg.certificate()
		if err != nil {
			return listeners, err
		}
		l, err := listenOn(address)
		if err != nil {
			return listeners, fmt.Errorf("ISURIDE_TLS_LISTEN: %w", err)
		}
		listeners = append(listeners, httpd.NewTLSListener(l, tlsConfig(cert, cfg.http2)))
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// tlsConfig prefers fast handshakes, in which many short connections spend most of their
// time. Go's default, the hybrid key exchange with ML-KEM, makes one a third longer. If
// recorded traffic must stay secret for decades, terminate TLS elsewhere.
func tlsConfig(cert tls.Certificate, http2 bool) *tls.Config {
	var protocols []string
	if http2 {
		protocols = []string{"h2"}
	}
	return &tls.Config{
		NextProtos:       protocols,
		Certificates:     []tls.Certificate{cert},
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}
}

func listenOn(address string) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		return httpd.ListenTCP(address)
	}
	return listenUnix(path)
}
