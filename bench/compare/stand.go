package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"time"
)

// Where everything of a duel listens, the naive server aside.
const (
	ownAddress    = "127.0.0.1:18092"
	ownTLSAddress = "127.0.0.1:18493"
	nginxAddress  = "127.0.0.1:18494"
	paymentPort   = "12398"
)

// sources is the number of loopback addresses to connect from. From one, a run takes most of
// the 28,000 ports, counting those closed within the last minute, and the kernel's search for
// a free one took a third of the bench's CPU.
const sources = 8

// prepare builds all programs, a certificate and the pages.
func (s *duelSettings) prepare(ctx context.Context) error {
	if err := s.build(ctx, "./webapp/cmd/isuride", "./bench/naive", "./bench/cmd/bench", "./tools/dev/devcert"); err != nil {
		return err
	}
	if err := execute(ctx, s.path("devcert"), "-out", s.path("cert")); err != nil {
		return err
	}
	return writePages(s.path("static"), s.path("static.list"))
}

// A stand is a contestant that runs.
type stand struct {
	servers []*server // the server itself first
	address string
	scheme  string
}

// start starts a contestant with fresh data.
func (s *duelSettings) start(ctx context.Context, c contestant) (*stand, error) {
	if err := os.RemoveAll(s.path("data")); err != nil {
		return nil, err
	}
	v, err := s.startServer(ctx, c)
	if err != nil {
		return nil, err
	}
	st := &stand{[]*server{v}, ownAddress, "http"}
	switch {
	case c.naive:
		st.address = naiveAddress
	case c.tls:
		st.address, st.scheme = ownTLSAddress, "https"
	}
	if c.nginx {
		proxy, err := s.startNginx(ctx, st.address)
		if err != nil {
			st.end()
			return nil, err
		}
		st.servers = append(st.servers, proxy)
		st.address, st.scheme = nginxAddress, "https"
	}
	return st, nil
}

// startServer starts the server itself, with the data that is there.
func (s *duelSettings) startServer(ctx context.Context, c contestant) (*server, error) {
	if c.naive {
		return listen(process(ctx, s.path("naive"), "-policy", "greedy", "-interval", "100", "-listen", naiveAddress), c.name, naiveAddress, s.path("server.log"))
	}
	cmd := process(ctx, s.path("isuride"))
	cmd.Env = append(os.Environ(), "ISURIDE_DATA="+s.path("data"), "ISURIDE_LISTEN="+ownAddress, "ISURIDE_TLS_LISTEN="+ownTLSAddress,
		"ISURIDE_TLS_CERT="+s.path("cert/cert.pem"), "ISURIDE_TLS_KEY="+s.path("cert/key.pem"), "ISURIDE_DURABILITY="+c.durability)
	if c.static {
		cmd.Env = append(cmd.Env, "ISURIDE_STATIC="+s.path("static"))
	}
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
func (s *duelSettings) play(ctx context.Context, d duel, c contestant, pair int) (*duelRun, error) {
	st, err := s.start(ctx, c)
	if err != nil {
		return nil, err
	}
	defer st.end()
	defer progress(fmt.Sprintf("%s, pair %d of %d, %s", d.name, pair, s.runs, c.name))()
	args := []string{"-target", st.scheme + "://" + st.address, "-payment-bind-port", paymentPort, "-payment-url", "http://127.0.0.1:" + paymentPort}
	for i := range sources {
		args = append(args, "-source-ip", fmt.Sprintf("127.0.0.%d", i+1))
	}
	if c.static {
		args = append(args, "-static-list", s.path("static.list"))
	} else {
		args = append(args, "-s")
	}
	before, _, err := st.usage()
	if err != nil {
		return nil, err
	}
	record, _, err := s.bench(ctx, "run.json", pair, args...)
	if err != nil {
		return nil, err
	}
	after, peak, err := st.usage()
	if err != nil {
		return nil, err
	}
	r := &duelRun{Duel: d.name, Contestant: c.name, Pair: pair, ServerCPU: (after - before).Seconds(), PeakMemory: peak, Record: record}
	if c.naive {
		return r, nil
	}
	stop, start, err := s.restart(ctx, c, st)
	r.Stop, r.Restart = stop.Seconds(), start.Seconds()
	return r, err
}

// restart ends the server in good order and starts it again, with what the run has left, and
// takes the times.
func (s *duelSettings) restart(ctx context.Context, c contestant, st *stand) (stop, start time.Duration, err error) {
	if stop, err = st.servers[0].end(syscall.SIGTERM); err != nil {
		return 0, 0, fmt.Errorf("stop: %w", err)
	}
	begun := time.Now()
	if st.servers[0], err = s.startServer(ctx, c); err != nil {
		st.servers = st.servers[1:]
		return 0, 0, err
	}
	// It accepts connections before it has its data, and answers when it has.
	resp, err := http.Get("http://" + ownAddress + "/api/app/notification")
	if err != nil {
		return 0, 0, err
	}
	return stop, time.Since(begun), resp.Body.Close()
}

// usage is the CPU that all servers have used so far, and the peak memory of the first.
func (st *stand) usage() (cpu time.Duration, peak int64, err error) {
	for _, v := range st.servers {
		used, err := v.cpu()
		if err != nil {
			return 0, 0, err
		}
		cpu += used
	}
	peak, err = st.servers[0].peakMemory()
	return cpu, peak, err
}

// end stops everything in good order; nothing is left to be learned.
func (st *stand) end() {
	for _, v := range st.servers {
		v.end(syscall.SIGTERM)
	}
}
