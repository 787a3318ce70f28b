package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/freeport"
	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

// scrapeInterval is the test's Prometheus scrape interval.
const scrapeInterval = 250 * time.Millisecond

// city is a server with its own database and payment gateway.
type city struct {
	t             *testing.T
	dir           string
	database      mysqltest.Server
	account       sqlstore.Config
	server        *exec.Cmd
	listen        string
	internal      string // address of the metrics
	gateway       string // URL
	gatewayBroken atomic.Bool
}

func newCity(t *testing.T) *city {
	t.Helper()
	c := &city{t: t, dir: t.TempDir(), listen: freeport.Address(t), internal: freeport.Address(t)}
	t.Cleanup(c.database.Close)
	c.account = c.database.Config(t)
	build := bound.Command(t, "go", "build", "-o", c.dir+"/", "isuride/webapp/cmd/isuride")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	pays := gateway.New(gateway.Options{})
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.gatewayBroken.Load() {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		pays.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	c.gateway = g.URL
	return c
}

// run starts a program that writes to a log; it is killed at the end of the test.
func (c *city) run(name string, env []string, args ...string) *exec.Cmd {
	c.t.Helper()
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	cmd := bound.Command(c.t, args[0], args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { end(cmd) })
	return cmd
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill() // an error means that it has already ended
	cmd.Wait()
}

// start starts the server and returns once it is listening.
func (c *city) start() {
	c.t.Helper()
	c.server = c.run("server", []string{"ISURIDE_LISTEN=" + c.listen, "ISURIDE_INTERNAL=" + c.internal, "ISURIDE_DATA=" + c.dir,
		"ISUCON_DB_HOST=" + c.account.Host, "ISUCON_DB_PORT=" + strconv.Itoa(c.account.Port), "ISUCON_DB_USER=" + c.account.User,
		"ISUCON_DB_PASSWORD=" + c.account.Password, "ISUCON_DB_NAME=" + c.account.Name}, filepath.Join(c.dir, "isuride"))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", c.listen); err == nil {
			conn.Close()
			return
		}
	}
	c.t.Fatalf("the server is not listening\n%s", c.log())
}

// kill ends the server as a crash does.
func (c *city) kill() { end(c.server) }

func (c *city) log() string {
	content, _ := os.ReadFile(filepath.Join(c.dir, "server.log")) // a missing file counts as empty
	return string(content)
}

// startPrometheus runs a Prometheus with our configuration, but faster, and returns its
// URL.
func (c *city) startPrometheus() string {
	c.t.Helper()
	config := read(c.t, "prometheus.yml")
	rules, err := filepath.Abs("alerts.yml")
	if err != nil {
		c.t.Fatal(err)
	}
	for old, changed := range map[string]string{"127.0.0.1:8081": c.internal, "- alerts.yml": "- " + rules,
		"scrape_interval: 5s": "scrape_interval: " + scrapeInterval.String()} {
		if strings.Count(config, old) != 1 {
			c.t.Fatalf("prometheus.yml has %q %d times", old, strings.Count(config, old))
		}
		config = strings.Replace(config, old, changed, 1)
	}
	file := filepath.Join(c.dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		c.t.Fatal(err)
	}
	address := freeport.Address(c.t)
	c.run("prometheus", nil, "prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(c.dir, "tsdb"),
		"--web.listen-address="+address, "--log.level=warn")
	return "http://" + address
}

// object is a JSON object.
type object map[string]any

// account is a client with its own session.
type account struct {
	c      *city
	client *http.Client
}

func (c *city) newAccount() *account {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic("BUG: " + err.Error()) // it has no options that could be invalid
	}
	return &account{c, &http.Client{Jar: jar, Timeout: patience}}
}

// call returns the answer, or an error unless it is a success.
func (a *account) call(method, path string, body object) (object, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, "http://"+a.c.listen+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s answers %s %s", method, path, response.Status, content)
	}
	var answer object
	if len(content) > 0 {
		err = json.Unmarshal(content, &answer)
	}
	return answer, err
}

func (a *account) must(method, path string, body object) object {
	a.c.t.Helper()
	answer, err := a.call(method, path, body)
	if err != nil {
		a.c.t.Fatalf("%v\n%s", err, a.c.log())
	}
	return answer
}

func (c *city) initialize() {
	c.t.Helper()
	c.newAccount().must("POST", "/api/initialize", object{"payment_server": c.gateway})
}

// register creates a user who can pay.
func (c *city) register(name string) (*account, error) {
	user := c.newAccount()
	if _, err := user.call("POST", "/api/app/users", object{"username": name, "firstname": "Ann", "lastname": "Lee", "date_of_birth": "2000-01-01"}); err != nil {
		return nil, err
	}
	_, err := user.call("POST", "/api/app/payment-methods", object{"token": name})
	return user, err
}

// ride takes a ride through all its states; both streams stay open until the test ends.
func (c *city) ride() {
	c.t.Helper()
	if err := bound.Receive(c.t, "the end of a ride", c.rideUnpaid()); err != nil {
		c.t.Fatalf("%v\n%s", err, c.log())
	}
}

// rideUnpaid returns once the charge has begun; the result comes later.
func (c *city) rideUnpaid() (paid <-chan error) {
	c.t.Helper()
	name := fmt.Sprintf("ride %d", time.Now().UnixNano())
	chair := c.chair(name)
	user, err := c.register(name)
	if err != nil {
		c.t.Fatal(err)
	}
	pickup, destination := object{"latitude": 1, "longitude": 1}, object{"latitude": 5, "longitude": 5}
	chair.must("POST", "/api/chair/coordinate", pickup)
	ride := user.must("POST", "/api/app/rides", object{"pickup_coordinate": pickup, "destination_coordinate": destination})["ride_id"].(string)
	c.follow(user, "/api/app/notification")
	user.must("GET", "/api/app/nearby-chairs?latitude=0&longitude=0", nil)
	chair.accept(ride)
	chair.must("POST", "/api/chair/coordinate", pickup)
	chair.must("POST", "/api/chair/rides/"+ride+"/status", object{"status": "CARRYING"})
	chair.must("POST", "/api/chair/coordinate", destination)
	done := make(chan error, 1)
	go func() {
		_, err := user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5})
		done <- err
	}()
	return done
}

// chair creates a chair that is free for a ride.
func (c *city) chair(name string) *account {
	c.t.Helper()
	register := c.newAccount().must("POST", "/api/owner/owners", object{"name": name})["chair_register_token"]
	chair := c.newAccount()
	chair.must("POST", "/api/chair/chairs", object{"name": name, "model": "SitEase", "chair_register_token": register})
	c.follow(chair, "/api/chair/notification")
	chair.must("POST", "/api/chair/activity", object{"is_active": true})
	return chair
}

// accept retries until the ride is assigned to the chair.
func (a *account) accept(ride string) {
	a.c.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err = a.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": "ENROUTE"}); err == nil {
			return
		}
	}
	a.c.t.Fatalf("%v\n%s", err, a.c.log())
}

// follow reads a stream until the test ends.
func (c *city) follow(a *account, path string) {
	c.t.Helper()
	client := &http.Client{Jar: a.client.Jar} // without a time limit
	response, err := client.Get("http://" + c.listen + path)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { response.Body.Close() })
	go io.Copy(io.Discard, response.Body) // ends with the server, or by the Close above
}
