package scenario

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"isuride/tools/ops/lab/cluster"
)

func (p *play) up(ctx context.Context) error { return p.Lab.Up(ctx) }

func (p *play) setup(ctx context.Context) error {
	_, err := p.fleet(ctx, "setup")
	return err
}

// deploy builds, as a person's first one does.
func (p *play) deploy(ctx context.Context) error {
	if _, err := p.fleet(ctx, "deploy"); err != nil {
		return err
	}
	if _, err := p.fleet(ctx, "status"); err != nil {
		return err
	}
	return errors.Join(p.understood(ctx), p.confined(ctx), p.serves(ctx))
}

// understood checks that the hosts' systemd has no complaint about a unit, neither about
// its text nor about what became of it.
func (p *play) understood(ctx context.Context) error {
	for _, h := range cluster.Machines() {
		complaints, err := p.on(ctx, h.Name, "systemctl --failed --no-legend; journalctl --boot --quiet --output=cat _PID=1 | grep '^/etc/systemd/system/' || true")
		if err != nil {
			return err
		}
		if complaints != "" {
			return fmt.Errorf("%s: systemd complains: %s", h.Name, complaints)
		}
	}
	return nil
}

// confined checks that the server's unit takes away what it says: privileges, system
// calls, and writing outside of its own folders.
func (p *play) confined(ctx context.Context) error {
	got, err := p.on(ctx, appHost, `pid=$(systemctl show -p MainPID --value isuride-go)
		grep -hE '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$pid/status
		for folder in /usr /etc /home/isucon /var/lib; do nsenter -t $pid -m touch $folder/try 2>/dev/null && echo $folder can be written; done || true`)
	if err != nil {
		return err
	}
	privileges := "0000000000000000"
	if p.hosts == p.Lab.OneHostTLS() {
		privileges = "0000000000000400" // CAP_NET_BIND_SERVICE
	}
	want := "CapEff: " + privileges + " CapBnd: " + privileges + " NoNewPrivs: 1 Seccomp: 2"
	if got := strings.Join(strings.Fields(got), " "); got != want {
		return fmt.Errorf("the server has %s; wanted %s", got, want)
	}
	return nil
}

// deployAgain does not restart the server when there is nothing new.
func (p *play) deployAgain(ctx context.Context) error {
	const id = "systemctl show -p InvocationID --value isuride-go.service"
	before, err := p.on(ctx, appHost, id)
	if err != nil {
		return err
	}
	if _, err := p.fleet(ctx, "deploy"); err != nil {
		return err
	}
	after, err := p.on(ctx, appHost, id)
	if err != nil {
		return err
	}
	if before == after {
		p.note("the server went on")
	} else {
		p.note("the server was restarted")
	}
	return p.serves(ctx)
}

// load runs the benchmarker by fleet, which collects logs and profiles of all hosts.
func (p *play) load(ctx context.Context) error {
	seconds := 20
	if p.Short {
		seconds = 10
	}
	args := []string{"bench", "-t", strconv.Itoa(seconds), "-note", "laboratory"}
	for _, h := range cluster.Hosts() {
		for _, a := range h.Addresses {
			if h.Name == cluster.Bench {
				args = append(args, "-source-ip", a.Addr().String())
			}
		}
	}
	out, err := p.fleet(ctx, args...)
	if err != nil {
		return err
	}
	_, dir, ok := strings.Cut(out, "everything about it: ")
	if !ok {
		return errors.New("fleet bench does not say where its files are")
	}
	dir, _, _ = strings.Cut(dir, "\n")
	r, err := readReport(filepath.Join(p.Project, dir, "bench.json"))
	if err != nil {
		return err
	}
	p.note("score %.0f in %d s", r.Score, seconds)
	return r.clean()
}

// connections is the number of clients that find out which front they reach.
const connections = 40

func (p *play) spread(ctx context.Context) error {
	n, err := p.share(ctx)
	p.note("%s took %d of %d", frontHost, n, connections)
	return err
}

// share counts what the second front takes of a client's connections. An error says that
// it is not about half.
func (p *play) share(ctx context.Context) (int, error) {
	before, err := p.accepted(ctx, frontHost)
	if err != nil {
		return 0, err
	}
	if err := p.connect(ctx, connections); err != nil {
		return 0, err
	}
	after, err := p.accepted(ctx, frontHost)
	if err != nil {
		return 0, err
	}
	n := after - before
	if n < connections/4 || n > connections*3/4 {
		return n, fmt.Errorf("%s took %d of %d connections", frontHost, n, connections)
	}
	return n, nil
}

// outside looks for what must not be visible from outside: by path through the front, and by port.
func (p *play) outside(ctx context.Context) error {
	for _, path := range []string{"/api/internal/matching", "/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/flight", "/debug/vars"} {
		page, err := p.on(ctx, cluster.Bench, curl+"-w '\\n%{http_code}' "+service+path+" | tail -c 2000")
		if err != nil {
			return err
		}
		for _, secret := range []string{"isuride_", "goroutine", "profile", "cmdline"} {
			if strings.Contains(page, secret) {
				return fmt.Errorf("%s shows %q: %.200q", path, secret, page)
			}
		}
		if status := lastLine(page); path == "/api/internal/matching" && status[0] != '4' {
			return fmt.Errorf("%s gets status %s", path, status)
		}
	}
	for _, h := range cluster.Machines() {
		open := fmt.Sprintf("timeout 3 bash -c ': </dev/tcp/%s/8081' 2>/dev/null && echo open || echo closed", h.Addresses[0].Addr())
		if answer, err := p.on(ctx, cluster.Bench, open); err != nil || answer != "closed" {
			return fmt.Errorf("%s: the internal port is %s: %v", h.Name, answer, err)
		}
	}
	return nil
}

func (p *play) rebootTest(ctx context.Context) error {
	_, err := p.fleet(ctx, "reboot-test", "-t", "8", "-wait", "2m", "-note", "laboratory")
	return err
}

// backLimit is the time that the service may take to be back by itself.
const backLimit = time.Minute

// powerLoss comes right after the load, when much is not in the database yet.
func (p *play) powerLoss(ctx context.Context) error {
	r, ledger, err := p.during(ctx, "power-loss", 6, func() error { return nil })
	if err != nil {
		return err
	}
	if err := p.Lab.Reboot(ctx, appHost); err != nil {
		return err
	}
	if err := await(ctx, backLimit, func() error { return p.serves(ctx) }); err != nil {
		return err
	}
	return errors.Join(r.clean(), p.postCheck(ctx, ledger))
}

// oneHost begins again with all roles on one host.
func (p *play) oneHost(ctx context.Context) error {
	if err := p.Lab.Up(ctx); err != nil {
		return err
	}
	p.hosts = p.Lab.OneHost()
	if err := p.deploy(ctx); err != nil {
		return err
	}
	return p.load(ctx)
}

// ownTLS changes the one host to a server that ends TLS itself, and back, by a rollback and
// by a deploy.
func (p *play) ownTLS(ctx context.Context) error {
	withNginx := p.hosts
	before, err := p.release(ctx)
	if err != nil {
		return err
	}
	p.hosts = p.Lab.OneHostTLS()
	for _, do := range []func(context.Context) error{p.deploy, p.serverEndsTLS, p.load, p.outside, p.rebootTest, p.serverEndsTLS} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	if _, err := p.fleet(ctx, "rollback"); err != nil {
		return err
	}
	if err := errors.Join(p.still(ctx, before), p.nginxEndsTLS(ctx)); err != nil {
		return err
	}
	if err := errors.Join(p.deploy(ctx), p.serverEndsTLS(ctx)); err != nil {
		return err
	}
	p.hosts = withNginx
	return errors.Join(p.deploy(ctx), p.nginxEndsTLS(ctx))
}

func (p *play) serverEndsTLS(ctx context.Context) error {
	return p.endsTLS(ctx, "isuride", "inactive disabled")
}
func (p *play) nginxEndsTLS(ctx context.Context) error {
	return p.endsTLS(ctx, "nginx", "active enabled")
}

// endsTLS checks which program has the port for HTTPS, and what nginx does.
func (p *play) endsTLS(ctx context.Context, program, nginx string) error {
	got, err := p.on(ctx, appHost, `ss -Hltnp sport = :443 | grep -o '"[^"]*"' | tr -d '"' | sort -u; systemctl is-active nginx || true; systemctl is-enabled nginx || true`)
	if err != nil {
		return err
	}
	if got, want := strings.Join(strings.Fields(got), " "), program+" "+nginx; got != want {
		return fmt.Errorf("at port 443, and nginx: %s; wanted %s", got, want)
	}
	return nil
}
