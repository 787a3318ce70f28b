package client

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"isuride/bench/world"
	"isuride/tools/dev/bound"
)

// The two networks of TestManyAddresses: ours with the sources, and the server's with the
// destinations. Two ends of one cable join them.
const (
	ourFirst, ourAddresses     = "10.201.0.1", 8
	theirFirst, theirAddresses = "10.201.0.101", 4
	ourEnd, theirEnd           = "bench0", "server0"

	firstPort  = 20000
	sparePorts = 50 // of each pair of addresses, beyond those it needs
)

// envNamespace is set in the process of the test that runs in a network of its own.
const envNamespace = "BENCH_CLIENT_NAMESPACE"

// TestManyAddresses opens as many connections as the machine allows from several
// addresses to several others, with fewer ports than an address would need if it had to
// share them among all destinations. Then it uses the ports of one pair up.
//
// It runs in a process with a network of its own, and the server in another: nothing of
// it outlives the processes.
func TestManyAddresses(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	if os.Getenv(envNamespace) == "" {
		runInNamespace(t)
		return
	}
	sources, dests := joinNetworks(t)
	n, pairs := mostConnections(t)-2*sparePorts, len(sources)*len(dests)
	n -= n % pairs
	ports := n/pairs + sparePorts
	setPorts(t, firstPort, ports)

	routes := Routes(sources, dests)
	crowded := newCrowd(rigOver(t, routes), n)
	crowded.report()
	crowded.report()
	checkEven(t, crowded, n/pairs)
	t.Logf("%d connections at once from %d addresses to %d, with %d ports an address; %d would be all if destinations shared them",
		n, len(sources), len(dests), ports, len(sources)*ports)

	// The other pairs have the same ports left, but they are no help.
	late := newCrowd(rigOver(t, routes[:1]), 2*sparePorts)
	late.report()
	d := late.rig.engine.Dials()
	if d.Open != sparePorts || d.Dials != 2*sparePorts || len(d.Errors) != 1 || d.Errors["EADDRNOTAVAIL"] != sparePorts {
		t.Errorf("%d of %d connections are open after all ports were used, errors %v", d.Open, d.Dials, d.Errors)
	}
	if late.failed != sparePorts || late.failures[world.FailureBench] != sparePorts {
		t.Errorf("%d failures, by kind %v, want %d of the bench", late.failed, late.failures, sparePorts)
	}
	crowded.report()
	if crowded.failed > 0 {
		t.Errorf("%d connections that were open failed", crowded.failed)
	}
}

func rigOver(t *testing.T, routes []Route) *rig {
	return newRig(t, "http", routes[0].Dest.String(), func(c *Config) { c.Routes = routes })
}

// checkEven compares what the engine says, and what the system says, with so many
// connections of each pair.
func checkEven(t *testing.T, c *crowd, each int) {
	t.Helper()
	if c.failed > 0 {
		t.Fatalf("%d of %d reports failed: %v", c.failed, c.answered, c.rig.engine.Dials().Errors)
	}
	system := establishedPairs(t)
	d := c.rig.engine.Dials()
	if d.Open != len(c.chairs) || d.PeakOpen != d.Open || len(d.Errors) > 0 || len(system) != len(d.Routes) {
		t.Errorf("%d open, at most %d, over %d pairs, errors %v", d.Open, d.PeakOpen, len(system), d.Errors)
	}
	for _, r := range d.Routes {
		if r.Open != each || system[r.Route] != each {
			t.Errorf("%v: %d open, %d according to the system, want %d", r.Route, r.Open, system[r.Route], each)
		}
	}
}

// runInNamespace runs the present test again.
func runInNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may make networks")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("the program ip is missing, Debian's package iproute2")
	}
	cmd := bound.Command(t, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), envNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	output, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, unix.EPERM):
		t.Skip("this machine does not let root make networks")
	case err != nil:
		t.Errorf("in a network of its own: %v\n%s", err, output)
	default:
		t.Logf("in a network of its own:\n%s", output)
	}
}

// joinNetworks starts a responder in another network and returns the addresses of both
// sides.
func joinNetworks(t *testing.T) (sources []netip.Addr, dests []netip.AddrPort) {
	t.Helper()
	addr, server := startResponderAs(t, "0.0.0.0:0", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
	port := netip.MustParseAddrPort(addr).Port()
	ip(t, "link", "add", ourEnd, "type", "veth", "peer", "name", theirEnd, "netns", fmt.Sprint(server))
	sources = consecutive(ourFirst, ourAddresses)
	equip(t, ourEnd, sources)
	theirs := consecutive(theirFirst, theirAddresses)
	inNetworkOf(t, server, func() { equip(t, theirEnd, theirs) })
	for _, a := range theirs {
		dests = append(dests, netip.AddrPortFrom(a, port))
	}
	return sources, dests
}

// equip gives addresses to an end of the cable.
func equip(t *testing.T, end string, addresses []netip.Addr) {
	for _, a := range addresses {
		ip(t, "addr", "add", a.String()+"/24", "dev", end)
	}
	ip(t, "link", "set", end, "up")
}

func ip(t *testing.T, args ...string) {
	if output, err := bound.Command(t, "ip", args...).CombinedOutput(); err != nil {
		t.Errorf("ip %s: %v: %s", strings.Join(args, " "), err, output)
	}
}

// inNetworkOf calls f in the network of another process.
func inNetworkOf(t *testing.T, pid int, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever, so that the thread ends with the goroutine
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err == nil {
			defer file.Close()
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// setPorts limits the ports for outgoing connections of this network.
func setPorts(t *testing.T, first, n int) {
	t.Helper()
	err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", fmt.Appendf(nil, "%d %d", first, first+n-1), 0)
	if errors.Is(err, unix.EROFS) {
		t.Skip("/proc/sys cannot be written here")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// establishedPairs counts the connections of this network as the system knows them.
func establishedPairs(t *testing.T) map[Route]int {
	t.Helper()
	file, err := os.ReadFile("/proc/thread-self/net/tcp") // not self's: inNetworkOf may have used its thread up
	if err != nil {
		t.Fatal(err)
	}
	const established = "01"
	pairs := map[Route]int{}
	for lines := bufio.NewScanner(bytes.NewReader(file)); lines.Scan(); {
		if f := strings.Fields(lines.Text()); f[3] == established {
			pairs[Route{Source: parseSocket(t, f[1]).Addr(), Dest: parseSocket(t, f[2])}]++
		}
	}
	return pairs
}

// parseSocket reads an address as in /proc/net/tcp: the bytes of an integer in the
// machine's order, and the port.
func parseSocket(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	b, err := hex.DecodeString(strings.Replace(text, ":", "", 1))
	if err != nil || len(b) != 6 {
		t.Fatalf("socket %q: %v", text, err)
	}
	var a [4]byte
	binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(b))
	return netip.AddrPortFrom(netip.AddrFrom4(a), binary.BigEndian.Uint16(b[4:]))
}
