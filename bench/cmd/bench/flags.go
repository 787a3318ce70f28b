package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"isuride/bench/client"
	"isuride/bench/live"
)

// errHelp is a request for help, which has been given.
var errHelp = flag.ErrHelp

// The official supervisor's environment (B1.2).
const (
	envTarget   = "ISUXBENCH_TARGET"
	envReportFD = "ISUXBENCH_REPORT_FD"
	envOTLP     = "OTEL_EXPORTER_OTLP_ENDPOINT"

	contestURL  = "https://xiv.isucon.net"
	contestPort = 443
)

// A server holds the flags, common to all commands, that say how to reach one.
type server struct {
	target  string
	addr    string
	dests   list
	sources list
}

func (s *server) register(f *flag.FlagSet) {
	f.StringVar(&s.target, "target", "http://localhost:8080", "base `URL` of the application; decides scheme, Host header and TLS server name")
	f.StringVar(&s.addr, "addr", "", "connect to this `ip:port`, whatever host the URL names")
	f.Var(&s.dests, "dest", "like --addr, may be given several times: entities take the destinations in turn (`ip:port`)")
	f.Var(&s.sources, "source-ip", "connect from this address of this machine, may be given several times (`ip`)")
}

// Values of -client.
const (
	clientOwn      = "own"
	clientOfficial = "official"
)

// A list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// resolve turns the flags into addresses.
func (s *server) resolve() (target *url.URL, sources []netip.Addr, dests []netip.AddrPort, err error) {
	if target, err = url.Parse(s.target); err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, nil, nil, fmt.Errorf("--target %q is not of the form http://host:port or https://host:port", s.target)
	}
	if strings.Trim(target.Path, "/") != "" || target.RawQuery != "" {
		return nil, nil, nil, fmt.Errorf("--target %q must not have a path", s.target)
	}
	for _, text := range s.sources {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("--source-ip %q is not an IP address", text)
		}
		sources = append(sources, a.Unmap())
	}
	dests, err = s.destinations(target)
	return target, sources, dests, err
}

// destinations are those of --addr and --dest, or the first address of the target that
// accepts connections.
func (s *server) destinations(target *url.URL) ([]netip.AddrPort, error) {
	var dests []netip.AddrPort
	given := s.dests
	if s.addr != "" {
		given = append(list{s.addr}, given...)
	}
	for _, text := range given {
		a, err := netip.ParseAddrPort(text)
		if err != nil {
			return nil, fmt.Errorf("destination %q is not of the form ip:port", text)
		}
		dests = append(dests, netip.AddrPortFrom(a.Addr().Unmap(), a.Port()))
	}
	if len(dests) > 0 {
		return dests, nil
	}
	if err := refuseProxy(target); err != nil {
		return nil, err
	}
	addrs, err := live.Resolve(target.Scheme, target.Host)
	if err != nil {
		return nil, err
	}
	a, err := live.Reachable(addrs)
	return []netip.AddrPort{a}, err
}

// refuseProxy refuses a proxy in the environment, which would either be measured instead
// of the server or be bypassed unnoticed.
func refuseProxy(target *url.URL) error {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: target})
	if err != nil || proxy == nil {
		return nil
	}
	return fmt.Errorf("the environment names the proxy %s for %s, but the bench connects directly; unset it or give --addr", proxy.Host, target.Host)
}

// settings are the flags of a run.
type settings struct {
	server
	paymentURL  string
	paymentPort int
	load        seconds
	seed        uint64
	openLoop    openLoop
	ledger      ledger
	failOnError bool
	onlyPost    bool
	metrics     bool
	data        string
	skipData    bool
	client      string
	staticList  string
	skipStatic  bool
	out         string
	force       bool
	text        string // beside out
	textShown   bool   // because stdout is the same file
	html        string
	history     string
	runs        int
	record      map[string]string // flags that a report shows, by name
}

// seconds is a number of seconds, with or without a unit.
type seconds time.Duration

func (s *seconds) String() string {
	return strconv.FormatFloat(time.Duration(*s).Seconds(), 'f', -1, 64)
}

func (s *seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err != nil || d < 0 {
		return errors.New("want a number of seconds, or a duration like 2m")
	}
	*s = seconds(d)
	return nil
}

// parseRun reads flags and environment of a run.
func parseRun(args []string, help io.Writer) (*settings, error) {
	s := &settings{load: seconds(60 * time.Second)}
	f := flag.NewFlagSet("bench run", flag.ContinueOnError)
	s.register(f)
	f.StringVar(&s.paymentURL, "payment-url", "http://localhost:12345", "`URL` of the payment service as the application reaches it")
	f.IntVar(&s.paymentPort, "payment-bind-port", 12345, "local TCP `port` of the payment service, on all addresses")
	f.Var(&s.load, "load-timeout", "`seconds` of load; 0 only prepares")
	f.Var(&s.load, "t", "short for --load-timeout (`seconds`)")
	f.Uint64Var(&s.seed, "seed", 0, "`number` that determines all decisions of the simulation; 0 draws one")
	s.openLoop.register(f)
	s.ledger.register(f)
	f.BoolVar(&s.failOnError, "fail-on-error", false, "exit with status 1 if the run fails")
	f.BoolVar(&s.onlyPost, "only-post-validation", false, "only check the initial data, without resetting the application")
	f.BoolVar(&s.metrics, "metrics", false, "write counters to stderr every 3 s")
	f.StringVar(&s.data, "data", "", "`file` of expected answers about the initial data; see bench record-data")
	f.BoolVar(&s.skipData, "skip-data-check", false, "do not check the initial data")
	f.StringVar(&s.client, "client", clientOwn, "whose CPU a call costs: `own`, or official, which burns what the official tool's client uses beyond ours")
	f.StringVar(&s.staticList, "static-list", "", "`file` with MD5 and path of each file of the front end; without it no static files are requested")
	f.BoolVar(&s.skipStatic, "skip-static-sanity-check", false, "ask for no static file, despite --static-list")
	f.BoolVar(&s.skipStatic, "s", false, "short for --skip-static-sanity-check")
	f.StringVar(&s.out, "out", "", "write the result as JSON to this `file`, and the report as text beside it; - is stdout")
	f.BoolVar(&s.force, "force", false, "replace existing files of --out and --html")
	f.StringVar(&s.html, "html", "", "write the result as a page with plots to this `file`; - is none; by default beside --out")
	f.StringVar(&s.history, "history", "", "append the result's figures to this `file`; - is none; by default bench/results/history.jsonl of the checkout around the current folder")
	f.IntVar(&s.runs, "n", 1, "`number` of runs, one after the other, each with the next seed")
	if err := parse(f, args, help, runPurpose); err != nil {
		return nil, err
	}
	if s.client != clientOwn && s.client != clientOfficial {
		return nil, fmt.Errorf("-client %s: want %s or %s", s.client, clientOwn, clientOfficial)
	}
	if s.runs < 1 {
		return nil, fmt.Errorf("-n %d: want at least one run", s.runs)
	}
	if err := s.environment(); err != nil {
		return nil, err
	}
	s.record = recorded(f)
	return s, s.outputs()
}

// recorded returns the final values of the flags that define a run. The seed is not one
// of them, because it differs from run to run.
func recorded(f *flag.FlagSet) map[string]string {
	values := map[string]string{}
	f.VisitAll(func(f *flag.Flag) { values[f.Name] = f.Value.String() })
	for _, other := range []string{"t", "s", "n", "seed", "force", "out", "html", "history", "metrics", "fail-on-error", "ledger", "post-check"} {
		delete(values, other)
	}
	return values
}

const runPurpose = `Loads an ISURIDE server and judges it.

Other commands, with flags of their own:
  bench verify        checks a server rule by rule, without load
  bench record-data   asks a trusted server for the expected answers of -data
  bench frontend      makes up the files of a front end, with a list for -static-list`

// parse reads the flags. It writes the help if asked for, and reports an error without it.
func parse(f *flag.FlagSet, args []string, help io.Writer, purpose string) error {
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(help, "%s\n\nUsage: %s [flags]\n\n", purpose, f.Name())
		f.SetOutput(help)
		f.PrintDefaults()
		return err
	case err != nil:
		return fmt.Errorf("%w%s (%s -h lists the flags)", err, meantFlag(f, err), f.Name())
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q (%s -h lists the flags)", f.Arg(0), f.Name())
	}
	return nil
}

// environment applies the variables that the contest's supervisor sets (B1.2).
func (s *settings) environment() error {
	if host := os.Getenv(envTarget); host != "" {
		a, err := netip.ParseAddr(host)
		if err != nil {
			return fmt.Errorf("%s=%q is not an IP address", envTarget, host)
		}
		s.target, s.addr, s.dests = contestURL, netip.AddrPortFrom(a, contestPort).String(), nil
	}
	if s.metrics && os.Getenv(envOTLP) != "" {
		return fmt.Errorf("%s is set, but metrics can only be written to stderr", envOTLP)
	}
	return nil
}

// config reads the files and addresses that the settings name.
func (s *settings) config() (live.Config, error) {
	c := live.Config{
		PaymentURL: s.paymentURL, PaymentBind: net.JoinHostPort("", strconv.Itoa(s.paymentPort)),
		Load: time.Duration(s.load), Seed: s.seed, Official: s.client == clientOfficial,
	}
	u, err := url.Parse(s.paymentURL)
	if err != nil || u.Host == "" {
		return c, fmt.Errorf("--payment-url %q is not a URL", s.paymentURL)
	}
	if s.paymentPort < 1 || s.paymentPort > 65535 {
		return c, fmt.Errorf("--payment-bind-port %d is not a port", s.paymentPort)
	}
	if err := s.openLoop.apply(&c); err != nil {
		return c, err
	}
	if err := s.readFiles(&c); err != nil {
		return c, err
	}
	c.Target, c.Sources, c.Dests, err = s.resolve()
	return c, err
}

func (s *settings) readFiles(c *live.Config) error {
	if s.onlyPost && s.ledger.check != "" {
		return errors.New("--only-post-validation and --post-check exclude each other; the latter checks the initial data too if there is --data")
	}
	if s.data == "" && !s.skipData && s.ledger.check == "" {
		return errors.New("give the expected answers about the initial data with --data, or --skip-data-check")
	}
	if s.onlyPost && s.skipData {
		return errors.New("--only-post-validation and --skip-data-check leave nothing to do")
	}
	if s.data != "" && !s.skipData {
		err := readFile(s.data, "--data", func(r io.Reader) (err error) { c.Checks, err = live.ReadChecks(r); return err })
		if err != nil {
			return err
		}
	}
	if s.staticList == "" || s.skipStatic {
		return nil
	}
	return readFile(s.staticList, "--static-list", func(r io.Reader) (err error) { c.Static, err = client.ReadStatic(r); return err })
}

// readFile passes a file to read and adds file and flag to its errors.
func readFile(name, flag string, read func(io.Reader) error) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("%s %s: %w", flag, name, err)
	}
	return nil
}
