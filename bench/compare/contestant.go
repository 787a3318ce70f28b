package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"isuride/bench/frontend"
)

// The addresses of a duel, besides naiveAddress.
const (
	ownAddress    = "127.0.0.1:18092"
	ownTLSAddress = "127.0.0.1:18493"
	nginxAddress  = "127.0.0.1:18494"
	paymentPort   = "12398"
	databasePort  = "13398"
)

// sources is the number of loopback addresses to connect from. From one, a run takes most of
// the 28,000 ports, counting those closed within the last minute, and the kernel's search for
// a free one took a third of the bench's CPU.
const sources = 8

// A contestant is a server with what is in front of it.
type contestant struct {
	name       string
	naive      bool
	nginx      bool // in front, with TLS
	tls        bool // ended by the server itself
	static     bool // pages are asked for, too
	mariadb    bool // in the place of SQLite
	durability string
	program    string   // in the place of this checkout's, if not ""
	settings   []string // variables of its own
	dear       bool     // its client costs what the official tool does
	pinned     bool     // server and bench share the first processor
	stream     bool     // its events go to Kafka and QuestDB, on the second
}

// core is where the contestant and its bench run: together on one processor, or "".
func (c *contestant) core() string {
	if c.pinned {
		return "0"
	}
	return ""
}

// prepare builds all programs, a certificate and the pages.
func (s *duelSettings) prepare(ctx context.Context) error {
	if err := s.build(ctx, "./webapp/cmd/isuride", "./bench/naive", "./bench/cmd/bench", "./tools/dev/devcert"); err != nil {
		return err
	}
	if err := execute(ctx, s.path("devcert"), "-out", s.path("cert")); err != nil {
		return err
	}
	if err := frontend.Write(s.path("static"), s.path("static.list")); err != nil {
		return err
	}
	return s.prepareStream(ctx)
}

// A lineup is the processes of a contestant that runs.
type lineup struct {
	servers  []*server // the server itself first
	database *database // nil for SQLite, which is part of the server
	stream   []*server // what carries the events out
	address  string
	scheme   string
}

// start starts a contestant with fresh data.
func (s *duelSettings) start(ctx context.Context, c contestant) (*lineup, error) {
	if err := os.RemoveAll(s.path("data")); err != nil {
		return nil, err
	}
	l := &lineup{address: ownAddress, scheme: "http"}
	if c.mariadb {
		var err error
		if l.database, err = startDatabase(ctx, s.path("mariadb")); err != nil {
			return nil, err
		}
	}
	v, err := s.startServer(ctx, c)
	if err != nil {
		l.end()
		return nil, err
	}
	l.servers = append(l.servers, v)
	switch {
	case c.naive:
		l.address = naiveAddress
	case c.tls:
		l.address, l.scheme = ownTLSAddress, "https"
	}
	if c.nginx {
		proxy, err := s.startNginx(ctx, l.address)
		if err != nil {
			l.end()
			return nil, err
		}
		l.servers = append(l.servers, proxy)
		l.address, l.scheme = nginxAddress, "https"
	}
	if c.stream {
		if err := s.startStream(ctx, l); err != nil {
			l.end()
			return nil, err
		}
	}
	return l, nil
}

// startServer starts the server itself, with the data that is there.
func (s *duelSettings) startServer(ctx context.Context, c contestant) (*server, error) {
	if c.naive {
		return listen(process(ctx, s.path("naive"), "-policy", "greedy", "-interval", "100", "-listen", naiveAddress), c.name, naiveAddress, s.path("server.log"))
	}
	cmd := on(ctx, c.core(), cmp.Or(c.program, s.path("isuride")))
	cmd.Env = append(os.Environ(), "ISURIDE_DATA="+s.path("data"), "ISURIDE_LISTEN="+ownAddress, "ISURIDE_TLS_LISTEN="+ownTLSAddress,
		"ISURIDE_TLS_CERT="+s.path("cert/cert.pem"), "ISURIDE_TLS_KEY="+s.path("cert/key.pem"), "ISURIDE_DURABILITY="+c.durability)
	if c.static {
		cmd.Env = append(cmd.Env, "ISURIDE_STATIC="+s.path("static"))
	}
	if c.mariadb {
		cmd.Env = append(cmd.Env, databaseSettings...)
	}
	cmd.Env = append(cmd.Env, c.settings...)
	return listen(cmd, c.name, ownAddress, s.path("server.log"))
}

// startNginx puts the repository's nginx in front of a server.
func (s *duelSettings) startNginx(ctx context.Context, upstream string) (*server, error) {
	who, err := user.Current()
	if err != nil {
		return nil, err
	}
	home, err := filepath.Abs(s.home) // nginx takes relative paths from its own prefix
	if err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(home, name) }
	if err := os.MkdirAll(in("nginx"), 0o755); err != nil {
		return nil, err
	}
	render := process(ctx, "scripts/nginx.sh", "render")
	render.Env = append(os.Environ(), "NGINX_USER="+who.Username, "NGINX_RUN="+in("nginx"), "NGINX_LISTEN="+nginxAddress, "NGINX_UPSTREAM="+upstream,
		"NGINX_CERT="+in("cert/cert.pem"), "NGINX_KEY="+in("cert/key.pem"), "NGINX_STATIC="+in("static"))
	config, err := render.Output()
	if err != nil {
		return nil, fmt.Errorf("scripts/nginx.sh: %w", err)
	}
	if err := os.WriteFile(in("nginx/nginx.conf"), config, 0o644); err != nil {
		return nil, err
	}
	cmd := process(ctx, "nginx", "-e", in("nginx/error.log"), "-c", in("nginx/nginx.conf"), "-g", "daemon off;")
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	return listen(cmd, "nginx", nginxAddress, s.path("nginx.log"))
}

// play makes one run against a server with fresh data.
func (s *duelSettings) play(ctx context.Context, d duel, c contestant, pair int) (r *duelRun, err error) {
	l, err := s.start(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.end()) }()
	defer progress(fmt.Sprintf("%s, pair %d of %d, %s", d.name, pair, s.runs, c.name))()
	args := []string{"-target", l.scheme + "://" + l.address, "-payment-bind-port", paymentPort, "-payment-url", "http://127.0.0.1:" + paymentPort}
	for i := range sources {
		args = append(args, "-source-ip", fmt.Sprintf("127.0.0.%d", i+1))
	}
	if c.static {
		args = append(args, "-static-list", s.path("static.list"))
	} else {
		args = append(args, "-s")
	}
	if c.dear {
		args = append(args, "-client", "official")
	}
	s.core = c.core()
	before, _, err := l.usage()
	if err != nil {
		return nil, err
	}
	record, _, err := s.bench(ctx, "run.json", pair, args...)
	if err != nil {
		return nil, err
	}
	after, peak, err := l.usage()
	if err != nil {
		return nil, err
	}
	if err := l.streamed(); err != nil {
		return nil, err
	}
	r = &duelRun{Duel: d.name, Contestant: c.name, Pair: pair, ServerCPU: (after - before).Seconds(), PeakMemory: peak, Record: record}
	if c.naive {
		return r, nil
	}
	stop, start, err := s.restart(ctx, c, l)
	r.Stop, r.Restart = stop.Seconds(), start.Seconds()
	return r, err
}

// restart ends the server in good order and starts it again, with what the run has left, and
// takes the times.
func (s *duelSettings) restart(ctx context.Context, c contestant, l *lineup) (stop, start time.Duration, err error) {
	if stop, err = l.servers[0].end(syscall.SIGTERM); err != nil {
		return 0, 0, fmt.Errorf("stop: %w", err)
	}
	begun := time.Now()
	if l.servers[0], err = s.startServer(ctx, c); err != nil {
		l.servers = l.servers[1:]
		return 0, 0, err
	}
	// It accepts connections before it has its data, and answers when it has.
	resp, err := http.Get("http://" + ownAddress + "/api/app/notification")
	if err != nil {
		return 0, 0, err
	}
	return stop, time.Since(begun), resp.Body.Close()
}

// usage is the CPU that all servers and the database have used so far, and the peak memory
// of the first.
func (l *lineup) usage() (cpu time.Duration, peak int64, err error) {
	for _, v := range l.servers {
		used, err := v.cpu()
		if err != nil {
			return 0, 0, err
		}
		cpu += used
	}
	if l.database != nil {
		used, err := treeCPU(l.database.pid)
		if err != nil {
			return 0, 0, err
		}
		cpu += used
	}
	peak, err = l.servers[0].peakMemory()
	return cpu, peak, err
}

// end stops everything in good order, the database last. Only that may not end.
func (l *lineup) end() error {
	for _, v := range l.stream {
		v.end(syscall.SIGKILL) // its data are thrown away
	}
	for _, v := range l.servers {
		v.end(syscall.SIGTERM)
	}
	if l.database == nil {
		return nil
	}
	return l.database.end()
}
