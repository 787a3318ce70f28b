package live

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client"
)

// preflight finds what would spoil the run before the first request to the server.
func (c *Config) preflight() error {
	if err := c.preflightNetwork(); err != nil {
		return err
	}
	need := c.connections()
	if err := checkFiles(need); err != nil {
		return err
	}
	return checkPorts(need, len(client.Routes(c.Sources, c.Dests)))
}

// connections estimates how many are in use at once. All initial users and chairs may
// have two each, but users beyond the number that an open loop needs are idle.
func (c *Config) connections() int {
	city := c.world()
	city.Users = 0
	chairs, users := city.Population()
	if c.RideRate > 0 {
		return 2 * (chairs + users)
	}
	return max(connectionsFor(c.Load), 2*(chairs+users))
}

// connectionsFor estimates the connections at once of a run against a good server. In the
// calibration run of B appendix D without a cap on matches there were 2,500 users and
// 1,200 chairs after 60 s, of whom those on a ride have two each; after two minutes
// servers are at their limits rather than growing.
func connectionsFor(load time.Duration) int {
	const initially, perSecond, atMost = 100, 65, 8000
	return min(initially+int(perSecond*load.Seconds()), atMost)
}

// checkFiles looks at the limit of open files.
func checkFiles(need int) error {
	if limit := fileLimit(); limit < uint64(need) {
		return fmt.Errorf("only %d files may be open at once and the run may need %d; raise the limit with ulimit -n", limit, need)
	}
	return nil
}

// fileLimit is how many files this process may open. The Go runtime has raised it as far
// as possible.
func fileLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic("BUG: " + err.Error())
	}
	return limit.Cur
}

// crowded is the number of connections beyond which unused ones are closed. A twentieth
// of the files of this process, at most a thousand, is reserved for the payment service,
// and for the server, which often has the same limit and other files besides.
func crowded() int {
	files := int(min(fileLimit(), math.MaxInt32))
	return files - min(files/20, 1000)
}

// checkPorts looks at the ports the system gives to outgoing connections; each route has
// all of them (B15.3).
func checkPorts(need, routes int) error {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return nil // another kind of system
	}
	var low, high int
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		return fmt.Errorf("ip_local_port_range: %w", err)
	}
	if have := (high - low + 1) * routes; have < need {
		return fmt.Errorf("only %d local ports for connections (net.ipv4.ip_local_port_range times %d routes) and the run may need %d; widen the range or use more addresses", have, routes, need)
	}
	return nil
}

// preflightNetwork checks that the sources are ours and that something listens at the
// destinations.
func (c *Config) preflightNetwork() error {
	if len(client.Routes(c.Sources, c.Dests)) == 0 {
		return errors.New("no source address is of the same family as a destination")
	}
	for _, s := range c.Sources {
		if err := checkSource(s); err != nil {
			return err
		}
	}
	for _, d := range c.Dests {
		if err := checkDest(d); err != nil {
			return err
		}
	}
	return nil
}

func checkSource(a netip.Addr) error {
	l, err := net.Listen("tcp", net.JoinHostPort(a.String(), "0"))
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("source address %v is not an address of this machine", a)
	}
	if err != nil {
		return fmt.Errorf("source address %v: %w", a, err)
	}
	return l.Close()
}

// dialLimit is how long a server may take to accept a connection before the run.
const dialLimit = 5 * time.Second

func checkDest(d netip.AddrPort) error {
	conn, err := net.DialTimeout("tcp", d.String(), dialLimit)
	if err != nil {
		return fmt.Errorf("nobody can be reached at %v: %s", d, lastOf(err))
	}
	return conn.Close()
}

// lastOf is the end of a chain of errors, which has the reason.
func lastOf(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return strings.TrimPrefix(err.Error(), "dial tcp ")
		}
		err = next
	}
}

// Resolve finds the addresses of the host in a URL, with the port of its scheme if it
// names none.
func Resolve(scheme, host string) ([]netip.AddrPort, error) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), map[string]string{"http": "80", "https": "443"}[scheme]
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", port, err)
	}
	ips, err := net.LookupIP(name)
	if err != nil {
		return nil, fmt.Errorf("host %q cannot be resolved", name)
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, netip.AddrPortFrom(a.Unmap(), uint16(number)))
		}
	}
	return addrs, nil
}

// Reachable returns the first of the addresses at which something listens, or the last
// error.
func Reachable(addrs []netip.AddrPort) (a netip.AddrPort, err error) {
	for _, a := range addrs {
		if err = checkDest(a); err == nil {
			return a, nil
		}
	}
	return a, err
}
