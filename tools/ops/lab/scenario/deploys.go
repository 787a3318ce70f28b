package scenario

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// programs makes a folder of programs for fleet deploy -programs, with that server.
func (p *play) programs(name string, server []byte) (string, error) {
	dir := filepath.Join(p.Lab.Dir, "programs", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	payment, err := os.ReadFile(filepath.Join(p.tools, "paymentmock"))
	if err != nil {
		return "", err
	}
	return dir, errors.Join(os.WriteFile(filepath.Join(dir, "isuride"), server, 0o755), os.WriteFile(filepath.Join(dir, "paymentmock"), payment, 0o755))
}

// variant makes a server that works and differs from those before: bytes after the end of
// a program have no effect.
func (p *play) variant(name string) (string, error) {
	server, err := os.ReadFile(filepath.Join(p.tools, "isuride"))
	if err != nil {
		return "", err
	}
	return p.programs(name, append(server, name...))
}

func (p *play) brokenBuild(ctx context.Context) error {
	return p.undone(ctx, "ends", "#!/bin/sh\necho 'laboratory: this build is broken' >&2\nexit 1\n")
}

func (p *play) silentBuild(ctx context.Context) error {
	return p.undone(ctx, "silent", "#!/bin/sh\nexec sleep infinity\n")
}

// undone deploys a server that cannot work; afterwards the one before must be back.
func (p *play) undone(ctx context.Context, name, script string) error {
	before, err := p.release(ctx)
	if err != nil {
		return err
	}
	dir, err := p.programs(name, []byte(script))
	if err != nil {
		return err
	}
	out, err := p.fleet(ctx, "deploy", "-wait", "15s", "-programs", dir)
	if err == nil {
		return errors.New("the deploy counts as a success")
	}
	if err := oneSentence(out, appHost); err != nil {
		return err
	}
	return p.still(ctx, before)
}

// oneSentence checks that the last thing fleet says is one line that names the host.
func oneSentence(out, host string) error {
	last := lastLine(out)
	if !strings.HasPrefix(last, "fleet: ") || !strings.Contains(last, host) {
		return fmt.Errorf("the failure is not one sentence that names %s: %q", host, last)
	}
	return nil
}

// returnLimit is the time that hosts may take to go back by themselves when fleet no
// longer confirms the new release.
const returnLimit = 2 * time.Minute

// killedDeploy kills fleet at several places. Each time the release before must be back,
// and the next deploy must work.
func (p *play) killedDeploy(ctx context.Context) error {
	before, err := p.release(ctx)
	if err != nil {
		return err
	}
	for i, at := range []string{"copy ", "check nginx", ": app", "wait for the server"} {
		dir, err := p.variant(fmt.Sprintf("killed-%d", i))
		if err != nil {
			return err
		}
		if err := p.killAt(ctx, at, "deploy", "-programs", dir); err != nil {
			return err
		}
		begin := time.Now()
		if err := await(ctx, returnLimit, func() error { return p.settled(ctx, before) }); err != nil {
			return fmt.Errorf("killed at %q: %w", at, err)
		}
		p.note("%q: back after %.0f s", at, time.Since(begin).Seconds())
	}
	dir, err := p.variant("after-kills")
	if err != nil {
		return err
	}
	if _, err := p.fleet(ctx, "deploy", "-programs", dir); err != nil {
		return err
	}
	return p.serves(ctx)
}

// settled checks that nothing that fleet has begun goes on, and that the release runs.
func (p *play) settled(ctx context.Context, want string) error {
	if _, err := p.on(ctx, appHost, "! pgrep -f '[s]shd: isucon' >/dev/null"); err != nil {
		return errors.New("a session goes on")
	}
	return p.still(ctx, want)
}

// killAt kills fleet as soon as it prints a line with those words.
func (p *play) killAt(ctx context.Context, words string, args ...string) error {
	cmd, err := p.fleetCommand(ctx, args...)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	fmt.Fprintf(p.log, "$ fleet %s, to be killed at %q\n", strings.Join(args, " "), words)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
		w.Close()
	}()
	killed := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fmt.Fprintln(p.log, lines.Text())
		if !killed && strings.Contains(lines.Text(), words) {
			killed = true
			_ = cmd.Process.Kill()
		}
	}
	<-ended
	if !killed {
		return fmt.Errorf("fleet %s never says %q", args[0], words)
	}
	return nil
}

func (p *play) rollback(ctx context.Context) error {
	first, err := p.release(ctx)
	if err != nil {
		return err
	}
	dir, err := p.variant("newer")
	if err != nil {
		return err
	}
	if _, err := p.fleet(ctx, "deploy", "-programs", dir); err != nil {
		return err
	}
	second, err := p.release(ctx)
	if err != nil {
		return err
	}
	if first == second {
		return errors.New("the deploy has made no new release")
	}
	if _, err := p.fleet(ctx, "rollback"); err != nil {
		return err
	}
	return p.still(ctx, first)
}

// fullDisk gives the releases a small disk of their own for a while.
func (p *play) fullDisk(ctx context.Context) error {
	before, err := p.release(ctx)
	if err != nil {
		return err
	}
	const releases = "/home/isucon/webapp/releases"
	_, err = p.on(ctx, appHost, "set -e; cd "+releases+"; size=$(du -sk . | cut -f1); mkdir /run/small; mount -t tmpfs -o size=$((size + 4096))k small /run/small; "+
		"cp -a . /run/small; cd /; mount --bind /run/small "+releases)
	if err != nil {
		return err
	}
	dir, err := p.variant("too-large")
	if err != nil {
		return err
	}
	out, deployErr := p.fleet(ctx, "deploy", "-programs", dir)
	if _, err := p.on(ctx, appHost, "set -e; umount "+releases+"; umount /run/small; rmdir /run/small"); err != nil {
		return err
	}
	if deployErr == nil {
		return errors.New("the deploy counts as a success")
	}
	p.note("%s", lastLine(out))
	if err := oneSentence(out, appHost); err != nil {
		return err
	}
	return p.still(ctx, before)
}

// silentHost deploys while a host is disconnected.
func (p *play) silentHost(ctx context.Context) error {
	before, err := p.release(ctx)
	if err != nil {
		return err
	}
	if err := p.Lab.Cut(ctx, dbHost); err != nil {
		return err
	}
	begin := time.Now()
	out, deployErr := p.fleet(ctx, "deploy")
	took := time.Since(begin)
	if err := p.Lab.Join(ctx, dbHost); err != nil {
		return err
	}
	if deployErr == nil {
		return errors.New("the deploy counts as a success")
	}
	p.note("after %.1f s: %s", took.Seconds(), lastLine(out))
	const limit = 15 * time.Second
	if took > limit {
		return fmt.Errorf("it took %v to notice", took)
	}
	if err := oneSentence(out, dbHost); err != nil {
		return err
	}
	return p.still(ctx, before)
}
