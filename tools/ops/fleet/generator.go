package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// generator runs the benchmarker somewhere.
type generator interface {
	// prepare puts program and data there, and makes the folder of a run.
	prepare(ctx context.Context, id string) error
	// folder is the one with a run's files there; data is the file of expected answers.
	folder(id string) string
	data() string
	// address is the generator's own address as a host sees it.
	address(ctx context.Context, host netip.Addr) (netip.Addr, error)
	// bench runs the benchmarker and shows what it prints.
	bench(ctx context.Context, args []string) error
	// fetch brings the files of the folder here.
	fetch(ctx context.Context, id, dir string) error
}

// Files of the checkout, in which fleet is started.
const (
	benchProgram = "bin/bench"
	expectedData = "sql/expected-answers.json"
	runsFolder   = ".run/runs"
)

// localGenerator is the one on this machine.
type localGenerator struct {
	runs string // folder of the runs
	out  io.Writer
}

func (g localGenerator) prepare(_ context.Context, id string) error {
	if _, err := os.Stat(benchProgram); err != nil {
		return fmt.Errorf("%w; `make fleet-bench` and `make build` build it", err)
	}
	return os.MkdirAll(g.folder(id), 0o700) // a ledger has sessions in it
}

func (g localGenerator) folder(id string) string                            { return filepath.Join(g.runs, id) }
func (g localGenerator) data() string                                       { return expectedData }
func (g localGenerator) fetch(_ context.Context, id string, _ string) error { return nil }

// address asks the kernel's routes; connecting a datagram socket sends nothing.
func (g localGenerator) address(_ context.Context, host netip.Addr) (netip.Addr, error) {
	const discard = "9"
	c, err := net.Dial("udp", net.JoinHostPort(host.String(), discard))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("cannot find out this machine's address; give -payment-url: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// lastReport is the time an interrupted benchmarker has for its report.
const lastReport = time.Minute

// bench has a process group of its own, so that Ctrl-C reaches it once, through ctx, and
// not a second time from the terminal: that would end it without a report.
func (g localGenerator) bench(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, benchProgram, args...)
	cmd.Stdout, cmd.Stderr = g.out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = lastReport
	return cmd.Run()
}

// remoteGenerator is one on a host of its own. An interrupt does not travel there: the
// benchmarker ends when it cannot print any more, without a report.
type remoteGenerator struct {
	remote *remote.Remote
	host   topology.Host
	out    io.Writer
}

// benchHome is the generator's folder below the login's home.
const benchHome = "isuride-bench"

func (g remoteGenerator) folder(id string) string { return benchHome + "/" + id }
func (g remoteGenerator) data() string            { return benchHome + "/" + filepath.Base(expectedData) }

func (g remoteGenerator) prepare(ctx context.Context, id string) error {
	machine, err := g.remote.Look(ctx, g.host, "see what machine it is", "uname -m")
	if err != nil {
		return err
	}
	programs, err := build(ctx, machine, "./bench/cmd/bench")
	if err != nil {
		return err
	}
	if err := g.copyChanged(ctx, filepath.Join(programs, "bench")); err != nil {
		return err
	}
	if err := g.copyChanged(ctx, expectedData); err != nil {
		return err
	}
	_, err = g.remote.Change(ctx, g.host, "make a folder for the run", "mkdir -p -m 700 "+g.folder(id))
	return err
}

// copyChanged copies a file unless it is there already. Half a file never has the name.
func (g remoteGenerator) copyChanged(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	to := benchHome + "/" + filepath.Base(name)
	there, err := g.remote.Look(ctx, g.host, "look for "+to, "[[ ! -e "+to+" ]] || sha256sum "+to)
	if err != nil || strings.HasPrefix(there, hex.EncodeToString(sum.Sum(nil))) {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	command := "mkdir -p " + benchHome + " && cat >" + to + ".new && chmod 755 " + to + ".new && mv " + to + ".new " + to
	return g.remote.Send(ctx, g.host, "copy "+filepath.Base(name), command, f)
}

func (g remoteGenerator) address(ctx context.Context, host netip.Addr) (netip.Addr, error) {
	const step = "find out its address"
	out, err := g.remote.Look(ctx, g.host, step, "PATH=$PATH:/usr/sbin:/sbin\nip -o route get "+host.String())
	if err != nil {
		return netip.Addr{}, err
	}
	_, after, _ := strings.Cut(out, " src ")
	word, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	a, err := netip.ParseAddr(word)
	if err != nil {
		return a, &remote.Error{Host: g.host.Name, Step: step, Err: fmt.Errorf("%q has none; give -payment-url", out)}
	}
	return a, nil
}

func (g remoteGenerator) bench(ctx context.Context, args []string) error {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = remote.Quote(a)
	}
	return g.remote.Stream(ctx, g.host, "run the bench", benchHome+"/bench "+strings.Join(words, " ")+" 2>&1", g.out)
}

func (g remoteGenerator) fetch(ctx context.Context, id, dir string) error {
	return g.remote.Fetch(ctx, g.host, "fetch the results", "tar --create --gzip --directory "+g.folder(id)+" .", dir)
}
