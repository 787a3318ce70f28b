package server

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"isuride/webapp/admission"
	"isuride/webapp/internal/logging"
	"isuride/webapp/journal"
	"isuride/webapp/restore"
	"isuride/webapp/sqlstore"
)

// config holds what the environment decides. docs/configuration.md lists the variables.
type config struct {
	listen      []string // addresses: host:port, or unix:/path
	tlsListen   []string
	tlsCert     string
	tlsKey      string
	http2       bool // offered over TLS
	db          sqlstore.Config
	dump        string // file with the initial data, "" for the embedded one
	journal     string // folder
	durability  journal.Durability
	polling     bool
	static      string // folder, "" for the built-in page
	solver      string
	internal    string        // address of the operators' listener, "" for none
	slow        time.Duration // requests that take this long are traced; 0 for none
	data        string        // folder for what is nowhere else, such as those
	log         logging.Format
	shed        admission.Mode
	httpLog     string // of nginx, for collectors
	slowLog     string // of the database, likewise
	keepJournal int64  // bytes of the journal that stay when the database has them
	group       *group // nil for a server alone
	door        string // host:port for fronts, while the server leads; "" for none
	kafka       kafka
	questdb     string // base URL, "" for none
}

// clients are the addresses at which the servers of the group take each other's requests.
func (c *config) clients() map[string]string {
	if c.group == nil {
		return nil
	}
	return c.group.clients
}

// serverName is the server's name in its group; one alone has none of its own.
func (c *config) serverName() string {
	if c.group == nil {
		return "server"
	}
	return c.group.self
}

// environment reads variables and collects their errors.
type environment struct {
	lookup func(string) (string, bool)
	errs   []string
	tell   func(setting) // called with each variable, once it is known what counts; may be nil
}

func (e *environment) fail(name, format string, args ...any) {
	e.errs = append(e.errs, name+" "+fmt.Sprintf(format, args...))
}

func (e *environment) get(name, fallback string) string {
	v, given := e.lookup(name)
	if given = given && v != ""; !given {
		v = fallback
	}
	if e.tell != nil {
		e.tell(setting{name, v, given})
	}
	return v
}

// choice reads a variable that can only have certain values; the first is the default.
func (e *environment) choice(name string, values ...string) string {
	v := e.get(name, values[0])
	for _, allowed := range values {
		if v == allowed {
			return v
		}
	}
	e.fail(name, "is %q; it can be %s", v, strings.Join(values, ", "))
	return values[0]
}

func (e *environment) port(name, fallback string) int {
	text := e.get(name, fallback)
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		e.fail(name, "is %q; it must be a port from 1 to 65535", text)
	}
	return int(n)
}

func (e *environment) addresses(name, fallback string) []string {
	var list []string
	for _, address := range strings.Split(e.get(name, fallback), ",") {
		address = strings.TrimSpace(address)
		if address == "" {
			continue
		}
		if !strings.HasPrefix(address, "unix:") {
			if _, _, err := net.SplitHostPort(address); err != nil {
				e.fail(name, "has %q; it must be host:port or unix:/path", address)
			}
		}
		list = append(list, address)
	}
	return list
}

// address reads a single host:port, if given.
func (e *environment) address(name string) string {
	address := e.get(name, "")
	if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
		e.fail(name, "is %q; it must be host:port", address)
	}
	return address
}

// base reads the base URL of an HTTP service, "" if it is not given.
func (e *environment) base(name string) string {
	text := e.get(name, "")
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		e.fail(name, "is %q; it must be a URL like http://127.0.0.1:19000", text)
	}
	return text
}

// duration reads a duration, 0 if it is not given.
func (e *environment) duration(name string) time.Duration {
	text := e.get(name, "0")
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		e.fail(name, "is %q; it must be a duration like 200ms", text)
	}
	return d
}

// size reads a number of bytes.
func (e *environment) size(name, fallback string) int64 {
	text := e.get(name, fallback)
	digits, shift := text, 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			digits, shift = number, 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63-shift)
	if err != nil {
		e.fail(name, "is %q; it must be a size like 256MiB (KiB, MiB, GiB, TiB), or 0", text)
	}
	return int64(n) << shift
}

const (
	day = 24 * time.Hour
	// leastAge keeps what a mistyped unit would delete.
	leastAge = time.Minute
	// mostAge is far from what a duration can be.
	mostAge = 100 * 365 * day
)

// age reads how long something stays, 0 for ever, which is the default.
func (e *environment) age(name string) time.Duration {
	text := e.get(name, "all")
	if text == "all" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if number, ok := strings.CutSuffix(text, "d"); ok {
		var days uint64
		days, err = strconv.ParseUint(number, 10, 16)
		d = time.Duration(days) * day
	}
	if err != nil || d < leastAge || d > mostAge {
		e.fail(name, "is %q; it must be all, or a time like 24h or 30d, from 1m to %dd", text, mostAge/day)
	}
	return d
}

// existing reads a path that must be there, if given.
func (e *environment) existing(name string) string {
	path := e.get(name, "")
	if path != "" {
		if _, err := os.Stat(path); err != nil {
			e.fail(name, "names %q, which cannot be used: %v", path, err)
		}
	}
	return path
}

// readConfig reads the environment; its error names every wrong value.
func readConfig(lookup func(string) (string, bool)) (config, error) {
	return readConfigAnd(lookup, nil)
}

func readConfigAnd(lookup func(string) (string, bool), tell func(setting)) (config, error) {
	e := environment{lookup: lookup, tell: tell}
	data := e.get("ISURIDE_DATA", defaultData)
	c := config{
		listen:    e.addresses("ISURIDE_LISTEN", ":8080"),
		tlsListen: e.addresses("ISURIDE_TLS_LISTEN", ""),
		tlsCert:   e.existing("ISURIDE_TLS_CERT"),
		tlsKey:    e.existing("ISURIDE_TLS_KEY"),
		http2:     e.choice("ISURIDE_HTTP2", "off", "on") == "on",
		db:        e.database(data),
		dump:      e.existing("ISURIDE_INITIAL_DATA"),
		journal:   e.journal(data),
		polling:   e.choice("ISURIDE_NOTIFICATION", "sse", "polling") == "polling",
		static:    e.existing("ISURIDE_STATIC"),
		solver:    e.choice("ISURIDE_SOLVER", "exact", "go-hungarian"),
		internal:  e.address("ISURIDE_INTERNAL"),
		slow:      e.duration("ISURIDE_SLOW"),
		questdb:   e.base("ISURIDE_QUESTDB"),
		data:      data,
		shed:      admission.Mode(e.choice("ISURIDE_SHED", string(admission.Default), string(admission.Strict), string(admission.Off))),
		httpLog:   e.get("ISURIDE_HTTPLOG", "/var/log/nginx/access.log"),
		slowLog:   e.get("ISURIDE_SLOWLOG", "/var/log/mysql/slow.log"),
		log:       logging.Format(e.choice("ISURIDE_LOG", string(logging.Text), string(logging.JSON))),
	}
	durability, err := journal.ParseDurability(e.choice("ISURIDE_DURABILITY", "crash", "power", "none"))
	if err != nil {
		e.fail("ISURIDE_DURABILITY", "%v", err)
	}
	c.durability = durability
	if c.group = e.group(); c.group != nil {
		c.group.check(&e, durability)
	}
	if c.door = e.address("ISURIDE_LEADER_LISTEN"); c.door != "" && c.group == nil {
		e.fail("ISURIDE_LEADER_LISTEN", "is %q, and ISURIDE_REPLICAS names no servers of which one could lead: set both, or use ISURIDE_LISTEN", c.door)
	}
	c.kafka = e.kafka()
	c.keepJournal = e.size("ISURIDE_KEEP_JOURNAL", "256MiB")
	c.db.KeepPositions = e.age("ISURIDE_KEEP_POSITIONS")
	if len(c.listen)+len(c.tlsListen) == 0 {
		e.fail("ISURIDE_LISTEN", "names no address")
	}
	if len(c.tlsListen) > 0 && (c.tlsCert == "" || c.tlsKey == "") {
		e.fail("ISURIDE_TLS_LISTEN", "needs ISURIDE_TLS_CERT and ISURIDE_TLS_KEY")
	}
	if len(e.errs) > 0 {
		return c, fmt.Errorf("configuration: %s", strings.Join(e.errs, "; "))
	}
	return c, nil
}

// database chooses MySQL if any of its variables is set (S2.1), else a file.
func (e *environment) database(data string) sqlstore.Config {
	for _, name := range []string{"HOST", "PORT", "USER", "PASSWORD", "NAME"} {
		if _, ok := e.lookup("ISUCON_DB_" + name); ok {
			return sqlstore.Config{
				Dialect:  sqlstore.MySQL,
				Host:     e.get("ISUCON_DB_HOST", "127.0.0.1"),
				Port:     e.port("ISUCON_DB_PORT", "3306"),
				User:     e.get("ISUCON_DB_USER", "isucon"),
				Password: e.get("ISUCON_DB_PASSWORD", "isucon"),
				Name:     e.get("ISUCON_DB_NAME", "isuride"),
			}
		}
	}
	return sqlstore.Config{Dialect: sqlstore.SQLite, Path: e.get("ISURIDE_SQLITE", filepath.Join(data, restore.DatabaseName))}
}
