package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"isuride/tools/cli"
	"isuride/tools/dev/paymentmock/gateway"
)

// cluster is the group with what stands around it.
type cluster struct {
	place
	binary     string
	witness    bool
	mysql      bool
	fresh      bool
	durability string
	data       string // file of initial data

	parts bool // the servers reach each other over links, which can be cut

	members []*member
	links   []*link
	front   front

	mu     sync.Mutex // also guards which members are apart
	leader string     // guarded by mu; "" while nobody leads
}

func parseRun(args []string) (*cluster, error) {
	c := &cluster{parts: true}
	f := flag.NewFlagSet("cluster run", flag.ContinueOnError)
	c.flags(f)
	f.BoolVar(&c.fresh, "fresh", false, "remove the data of an earlier run")
	if err := cli.Parse(f, args, 0, os.Stdout); err != nil {
		return nil, err
	}
	return c, nil
}

// namedGateway is the one that the initial data name, so that people can ride before an initialize.
const namedGateway = "127.0.0.1:12345"

// flags are those of all commands that run a cluster.
func (c *cluster) flags(f *flag.FlagSet) {
	c.place.flags(f)
	f.StringVar(&c.binary, "binary", "bin/isuride", "the server's `file`")
	f.BoolVar(&c.witness, "witness", false, "have the third server keep only the log")
	f.BoolVar(&c.mysql, "mysql", false, "have all share a MariaDB, instead of a SQLite file for each")
	f.StringVar(&c.durability, "durability", "crash", "`level` of ISURIDE_DURABILITY: crash or power")
	f.StringVar(&c.data, "data", "", "`file` with the initial data; without it that of the binary")
}

// watchPause is the time between two questions who leads: nginx learns of a change within 200 ms.
const watchPause = 50 * time.Millisecond

func (c *cluster) run(ctx context.Context) error {
	// The first thing, since another cluster may be running on this folder.
	orders, err := net.Listen("tcp", c.address(controlPort))
	if err != nil {
		return fmt.Errorf("%w; is a cluster running already?", err)
	}
	defer orders.Close()
	if c.fresh {
		if err := c.clean(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if c.mysql {
		if err := c.script("mariadb.sh", "start", filepath.Join(c.dir, "mariadb"), strconv.Itoa(c.port+databasePort)); err != nil {
			return err
		}
		defer c.script("mariadb.sh", "stop", filepath.Join(c.dir, "mariadb"))
	}
	defer c.disconnect()
	if err := c.prepare(); err != nil {
		return err
	}
	c.front.dir, c.front.listen, c.front.control = c.dir, c.address(0), c.address(controlPort)
	payments := &http.Server{Handler: gateway.New(gateway.Options{})}
	for _, address := range []string{c.address(gatewayPort), namedGateway} {
		if l, err := net.Listen("tcp", address); err == nil { // else another one listens there, which does as well
			go payments.Serve(l)
		}
	}
	defer payments.Close()
	control, err := c.serveControl(orders)
	if err != nil {
		return err
	}
	defer control.Close()
	running, end := context.WithCancel(ctx)
	defer end()
	var wait sync.WaitGroup
	for _, m := range c.members {
		wait.Go(func() { m.keep(running) })
	}
	wait.Go(func() { c.watch(running) })
	if err := c.front.start(c.members); err != nil {
		end()
		wait.Wait()
		return err
	}
	c.greet()
	<-ctx.Done()
	fmt.Println("stopping")
	c.front.stop()
	end()
	wait.Wait()
	return nil
}

func (c *cluster) clean() error {
	if c.mysql {
		if err := c.script("mariadb.sh", "stop", filepath.Join(c.dir, "mariadb")); err != nil {
			return err
		}
	}
	return os.RemoveAll(c.dir)
}

func (c *cluster) greet() {
	fmt.Printf("front       http://%s\npayments    http://%s/payments\ntrouble     http://%s, with the token in %s\n",
		c.address(0), c.address(gatewayPort), c.address(controlPort), filepath.Join(c.dir, "token"))
	for _, m := range c.members {
		fmt.Printf("%-11s http://%s, for operators http://%s, log %s\n", m.name, m.clients, m.inside, filepath.Join(m.dir, "log"))
	}
	fmt.Printf("operator    the token in %s, which all have\n", filepath.Join(c.members[0].dir, "operator-token"))
	fmt.Println("next        open the front in a browser; make cluster-kill, in another terminal; Ctrl-C stops everything")
}

func (c *cluster) script(name string, args ...string) error {
	cmd := exec.Command(filepath.Join("scripts", name), args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// prepare makes the members, the ways between them, the secret that they share, and the token that
// orders trouble.
func (c *cluster) prepare() error {
	secret := filepath.Join(c.dir, "secret")
	for _, path := range []string{secret, filepath.Join(c.dir, "token")} {
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.WriteFile(path, []byte(rand.Text()), 0o600); err != nil {
			return err
		}
	}
	for i, name := range []string{"a", "b", "c"} {
		at := firstMember + 3*i
		c.members = append(c.members, &member{name: name, witness: c.witness && i == 2, binary: c.binary, dir: filepath.Join(c.dir, name),
			socket: filepath.Join(c.dir, name+".sock"), peers: c.address(at), clients: c.address(at + 1), inside: c.address(at + 2)})
	}
	if c.parts {
		if err := c.connect(); err != nil {
			return err
		}
	}
	for _, m := range c.members {
		m.env = c.environment(m, secret)
	}
	return nil
}

func (c *cluster) environment(m *member, secret string) []string {
	var list []string
	for _, one := range c.members {
		list = append(list, one.entry(c.way(m, one)))
	}
	env := []string{"ISURIDE_REPLICAS=" + strings.Join(list, ","), "ISURIDE_NODE=" + m.name, "ISURIDE_REPLICA_SECRET=" + secret,
		"ISURIDE_DATA=" + m.dir, "ISURIDE_LISTEN=" + m.clients + ",unix:" + m.socket, "ISURIDE_INTERNAL=" + m.inside, "ISURIDE_DURABILITY=" + c.durability}
	if c.data != "" {
		env = append(env, "ISURIDE_INITIAL_DATA="+c.data)
	}
	if c.mysql {
		env = append(env, "ISUCON_DB_HOST=127.0.0.1", fmt.Sprintf("ISUCON_DB_PORT=%d", c.port+databasePort), "ISUCON_DB_USER=isucon", "ISUCON_DB_PASSWORD=isucon",
			"ISUCON_DB_NAME=isuride")
	}
	return env
}

// watch asks who leads, and tells the front.
func (c *cluster) watch(ctx context.Context) {
	since := time.Now()
	for ctx.Err() == nil {
		leader := ""
		for _, m := range c.members {
			if ok, says := m.leads(); ok {
				leader = m.name
				c.tell(leader, says, since)
				break
			}
		}
		if leader == "" && c.set("") {
			since = time.Now()
			fmt.Println(stamp(), "nobody leads")
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
}

func (c *cluster) tell(leader, says string, since time.Time) {
	if !c.set(leader) {
		return
	}
	fmt.Printf("%s %s (%v after the last one was missed)\n", stamp(), says, time.Since(since).Round(time.Millisecond))
	m, err := c.named(leader)
	if err == nil {
		err = c.front.lead(m)
	}
	if err != nil {
		fmt.Println(stamp(), "the front goes on as it was:", err)
	}
}

// set notes who leads, and reports whether that is news.
func (c *cluster) set(leader string) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	news = c.leader != leader
	c.leader = leader
	return news
}

func stamp() string { return time.Now().Format("15:04:05.000") }

// named finds a member, also by the name "leader".
func (c *cluster) named(name string) (*member, error) {
	c.mu.Lock()
	if name == "leader" {
		name = c.leader
	}
	c.mu.Unlock()
	for _, m := range c.members {
		if m.name == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("there is no server %q now: name a, b, c or leader", name)
}

// databaseAway stops the shared database for a while.
func (c *cluster) databaseAway(d time.Duration) error {
	if !c.mysql {
		return fmt.Errorf("each server has a database of its own; start the cluster with -mysql")
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "mariadb", "mariadb.pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	time.AfterFunc(d, func() { _ = syscall.Kill(pid, syscall.SIGCONT) }) // it may have ended
	return nil
}
