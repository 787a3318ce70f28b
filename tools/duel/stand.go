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

	"isuride/tools/measure"
)

// Where everything listens. The naive server has no flag for its port.
const (
	naiveAddress  = "127.0.0.1:8080"
	ownAddress    = "127.0.0.1:18092"
	ownTLSAddress = "127.0.0.1:18493"
	nginxAddress  = "127.0.0.1:18494"
	paymentPort   = "12398"
)

// build makes all programs anew, a certificate and the pages.
func (s *settings) build(ctx context.Context) error {
	home, err := filepath.Abs(s.home) // for programs with another working folder
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	defer measure.Progress(os.Stderr, "building")()
	if _, err := os.Stat(filepath.Join(s.source, "go.mod")); err != nil && s.needsNaive() {
		return fmt.Errorf("the source of the naive server is not in %s; it is no part of this repository (-only durability does without)", s.source)
	}
	commands := [][]string{
		{"go", "build", "-o", home + "/", "./webapp/cmd/isuride", "./bench/cmd/bench", "./tools/dev/devcert"},
		{s.path("devcert"), "-out", s.path("cert")},
	}
	if s.needsNaive() {
		commands = append(commands, []string{"go", "-C", s.source, "build", "-o", filepath.Join(home, "naive"), "."})
	}
	for _, c := range commands {
		if output, err := measure.Command(ctx, c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c[0], err, output)
		}
	}
	return writePages(s.path("static"), s.path("static.list"))
}

func (s *settings) needsNaive() bool {
	for _, d := range s.duels {
		if d.sides[0].naive {
			return true
		}
	}
	return false
}

// A stand is a contestant that runs.
type stand struct {
	servers []*measure.Server // the server itself first
	target  string            // URL
	address string            // to connect to
}

// start starts a contestant with fresh data.
func (s *settings) start(ctx context.Context, c contestant) (*stand, error) {
	st := &stand{}
	if err := s.startServer(ctx, c, st); err != nil {
		return nil, err
	}
	if c.nginx {
		if err := s.startNginx(ctx, st); err != nil {
			st.end()
			return nil, err
		}
	}
	return st, nil
}

func (s *settings) startServer(ctx context.Context, c contestant, st *stand) error {
	if !c.naive {
		if err := os.RemoveAll(s.path("data")); err != nil {
			return err
		}
	}
	server, err := s.listen(ctx, c)
	if err != nil {
		return err
	}
	st.servers = append(st.servers, server)
	switch {
	case c.naive:
		st.address, st.target = naiveAddress, "http://"+naiveAddress
	case c.tls:
		st.address, st.target = ownTLSAddress, "https://"+ownTLSAddress
	default:
		st.address, st.target = ownAddress, "http://"+ownAddress
	}
	return nil
}

// listen starts the server itself, with the data that is there.
func (s *settings) listen(ctx context.Context, c contestant) (*measure.Server, error) {
	if c.naive {
		return measure.Listen(measure.Command(ctx, s.path("naive"), "-policy", "greedy", "-interval", "100"), c.name, naiveAddress, s.path("server.log"))
	}
	cmd := measure.Command(ctx, s.path("isuride"))
	cmd.Env = append(os.Environ(), "ISURIDE_DATA="+s.path("data"), "ISURIDE_LISTEN="+ownAddress, "ISURIDE_TLS_LISTEN="+ownTLSAddress,
		"ISURIDE_TLS_CERT="+s.path("cert/cert.pem"), "ISURIDE_TLS_KEY="+s.path("cert/key.pem"), "ISURIDE_DURABILITY="+c.durability)
	if c.static {
		cmd.Env = append(cmd.Env, "ISURIDE_STATIC="+s.path("static"))
	}
	return measure.Listen(cmd, c.name, ownAddress, s.path("server.log"))
}

// restart ends the server in good order and starts it again, with what the run has left, and takes the times.
func (s *settings) restart(ctx context.Context, c contestant, st *stand) (stop, start time.Duration, err error) {
	if stop, err = st.servers[0].Stop(syscall.SIGTERM); err != nil {
		return 0, 0, fmt.Errorf("stop: %w", err)
	}
	begun := time.Now()
	server, err := s.listen(ctx, c)
	if err != nil {
		return 0, 0, err
	}
	st.servers[0] = server
	// It accepts connections before it has its data, and answers when it has.
	resp, err := http.Get("http://" + ownAddress + "/api/app/notification")
	if err != nil {
		return 0, 0, err
	}
	return stop, time.Since(begun), resp.Body.Close()
}

// startNginx puts the repository's nginx before the server.
func (s *settings) startNginx(ctx context.Context, st *stand) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	home, err := filepath.Abs(s.home) // nginx takes relative paths from its own prefix
	if err != nil {
		return err
	}
	run := filepath.Join(home, "nginx")
	if err := os.MkdirAll(run, 0o755); err != nil {
		return err
	}
	render := measure.Command(ctx, "scripts/nginx.sh", "render")
	render.Env = append(os.Environ(), "NGINX_USER="+who.Username, "NGINX_RUN="+run, "NGINX_LISTEN="+nginxAddress,
		"NGINX_CERT="+filepath.Join(home, "cert/cert.pem"), "NGINX_KEY="+filepath.Join(home, "cert/key.pem"), "NGINX_STATIC="+filepath.Join(home, "static"), "NGINX_UPSTREAM="+st.address)
	config, err := render.Output()
	if err != nil {
		return fmt.Errorf("scripts/nginx.sh: %w", err)
	}
	if err := os.WriteFile(filepath.Join(run, "nginx.conf"), config, 0o644); err != nil {
		return err
	}
	cmd := measure.Command(ctx, "nginx", "-e", filepath.Join(run, "error.log"), "-c", filepath.Join(run, "nginx.conf"), "-g", "daemon off;")
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	server, err := measure.Listen(cmd, "nginx", nginxAddress, s.path("nginx.log"))
	if err != nil {
		return err
	}
	st.servers = append(st.servers, server)
	st.address, st.target = nginxAddress, "https://"+nginxAddress
	return nil
}

// cpu is what all servers have used so far.
func (st *stand) cpu() (sum time.Duration, err error) {
	for _, v := range st.servers {
		used, err := v.CPU()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// end stops everything in good order; nothing is left to be learned.
func (st *stand) end() {
	for _, v := range st.servers {
		v.Stop(syscall.SIGTERM)
	}
}
