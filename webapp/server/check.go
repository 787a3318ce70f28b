package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"isuride/webapp/api"
	"isuride/webapp/internal/logging"
	"isuride/webapp/ui"
)

const checkConfigHelp = `usage: isuride check-config

Reads the environment as the server would, says what is wrong, and lists what the server
would run with. It also reads the files that the variables name: certificates, the front
end, initial data. It opens no port and no database, and changes nothing.
`

// runCheckConfig is the command check-config.
func runCheckConfig(ctx context.Context, args []string) error {
	f := newFlags("isuride check-config")
	if err := parseCommand(f, args, checkConfigHelp); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q; the environment is the configuration", f.Arg(0))}
	}
	return checkConfig(ctx, os.Stdout, os.LookupEnv, os.Environ(), logging.New(os.Stderr, logging.Text).Logger)
}

// checkConfig reports all that is wrong, not only the first.
func checkConfig(ctx context.Context, out io.Writer, lookup func(string) (string, bool), environ []string, log *slog.Logger) error {
	var seen []setting
	c, wrong := readConfigAnd(lookup, func(s setting) { seen = append(seen, s) })
	wrong = errors.Join(checkNames(environ, log), wrong)
	if wrong == nil {
		wrong = c.checkFiles(ctx, log)
	}
	if wrong != nil {
		return wrong
	}
	for _, s := range seen {
		fmt.Fprintln(out, s)
	}
	fmt.Fprintln(out, "the configuration can be used")
	return nil
}

// setting is a variable with the value that counts.
type setting struct {
	name, value string
	given       bool // by the environment; else it is the default
}

func (s setting) String() string {
	value := s.value
	if s.given && strings.HasSuffix(s.name, "_PASSWORD") {
		value = "(given, not shown)"
	}
	if s.given {
		return s.name + "=" + value
	}
	if value == "" {
		value = "none"
	}
	return "# " + s.name + " is not given: " + value
}

// checkFiles reads the files that the server will need later.
func (c config) checkFiles(ctx context.Context, log *slog.Logger) error {
	var errs []error
	if _, err := api.NewStatic(ctx, c.static, ui.Files(), log); err != nil {
		errs = append(errs, fmt.Errorf("ISURIDE_STATIC: %w", err))
	}
	if c.dump != "" {
		_, err := initialData(c.dump)()
		errs = append(errs, err)
	}
	if len(c.tlsListen) > 0 {
		_, err := c.certificate()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// certificate loads the pair of which both files are given.
func (c config) certificate() (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
	if err != nil {
		return pair, fmt.Errorf("ISURIDE_TLS_CERT and ISURIDE_TLS_KEY: %w", err)
	}
	return pair, nil
}
