// Command isuride is the server. It is configured by the environment, see the README,
// and ends in good order on INT, TERM and QUIT: it finishes the requests under way,
// and everything recorded is in the database before it exits.
//
// It only wires the parts together.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"isuride/webapp/internal/logging"
)

func main() {
	repair := flag.Bool("repair", false, "cut a corrupt journal where it is corrupt instead of refusing to start; what follows is lost")
	flag.Parse()
	tuneCollector()
	if err := run(*repair); err != nil {
		fmt.Fprintln(os.Stderr, "isuride:", err)
		os.Exit(1)
	}
}

func run(repair bool) error {
	cfg, err := readConfig(os.LookupEnv)
	if err != nil {
		return err
	}
	log := logging.New(os.Stderr, cfg.log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer stop()
	s, err := start(ctx, cfg, repair, log)
	if err != nil {
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
