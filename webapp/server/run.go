// Package server makes the parts one program: it reads the configuration, opens the
// listeners, starts the engine, and stops everything in order. What the parts do is theirs.
//
// A stop by TERM is described step by step in docs/working-here.md.
package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"isuride/webapp/internal/logging"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
	exitAtOnce = 3
)

// Main runs the server until a signal or a failure ends it, or one of the operator's
// commands, and returns the exit status.
func Main(args []string) int {
	if len(args) > 0 {
		if run, ok := commands[args[0]]; ok {
			return command(args[0], run, args[1:])
		}
	}
	return serve(args)
}

func serve(args []string) int {
	// A closed terminal, or a log whose reader has left, is no reason to end. Writes to such
	// a log fail, and the queue counts them.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	out := logging.NewQueue(os.Stderr)
	defer out.Close(logLimit)
	a, err := parseArguments(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help)
		return 0
	case err != nil:
		fmt.Fprintln(out, "isuride:", err)
		return exitUsage
	case a.version:
		fmt.Println(version())
		return 0
	}
	tuneCollector()
	if err := run(a.repair, out); err != nil {
		fmt.Fprintln(out, "isuride:", err)
		return exitFailed
	}
	return 0
}

// logLimit bounds the writing of the last lines of the log.
const logLimit = time.Second

func run(repair bool, out *logging.Queue) error {
	cfg, err := readConfig(os.LookupEnv)
	if err != nil {
		return err
	}
	log := logging.New(out, cfg.log)
	if err := checkNames(os.Environ(), log.Logger); err != nil {
		return err
	}
	ctx := untilSignal(func() {
		fmt.Fprintln(out, "isuride: ended at once by a second signal; "+
			"what the journal holds goes to the database at the next start")
		out.Close(logLimit)
		os.Exit(exitAtOnce)
	})
	s, err := start(ctx, cfg, repair, log)
	switch {
	case err != nil && ctx.Err() != nil:
		log.Info("stopping before the start was complete", "at", err)
		return nil
	case err != nil:
		return err
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
		return s.stop()
	case err := <-s.engine.Failed():
		return errors.Join(err, s.stop())
	case err := <-s.broken:
		return errors.Join(err, s.stop())
	}
}

// untilSignal returns a context that ends with the first signal to stop. The second one
// calls again.
func untilSignal(again func()) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		<-signals
		cancel()
		<-signals
		again()
	}()
	return ctx
}
