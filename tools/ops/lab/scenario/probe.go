package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"isuride/tools/ops/lab/cluster"
)

// Hosts by their roles in the three-host layout, and how clients address the service.
const (
	appHost   = "s1"
	frontHost = "s2" // the second front
	dbHost    = "s3"

	service = "https://xiv.isucon.net"
	curl    = "curl -sk --max-time 10 --resolve xiv.isucon.net:443:10.77.0.1 "
)

// serves checks that a request gets through front and server: one without session is
// refused by the server itself.
func (p *play) serves(ctx context.Context) error {
	status, err := p.on(ctx, cluster.Bench, curl+"-o /dev/null -w '%{http_code}' "+service+"/api/app/rides || true")
	if err != nil {
		return err
	}
	if status != "401" {
		return fmt.Errorf("a request through the front gets status %q, not 401", status)
	}
	return nil
}

// release is the one that runs.
func (p *play) release(ctx context.Context) (string, error) {
	target, err := p.on(ctx, appHost, "readlink -f /home/isucon/webapp/current")
	return filepath.Base(target), err
}

// still checks that the release runs, and serves.
func (p *play) still(ctx context.Context, want string) error {
	got, err := p.release(ctx)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("release %s runs, not %s", got, want)
	}
	return p.serves(ctx)
}

// metric asks the server for one of its figures.
func (p *play) metric(ctx context.Context, name string) (float64, error) {
	text, err := p.on(ctx, appHost, "curl -sS --fail --max-time 5 http://127.0.0.1:8081/metrics | grep '^"+name+" '")
	if err != nil {
		return 0, err
	}
	_, value, _ := strings.Cut(text, " ")
	return strconv.ParseFloat(value, 64)
}

// accepted counts the connections that a host has taken since it booted.
func (p *play) accepted(ctx context.Context, host string) (int, error) {
	text, err := p.on(ctx, host, "awk '/^Tcp:/ && $6 ~ /[0-9]/ {print $7}' /proc/net/snmp")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// connect makes that many connections to the service, one after the other.
func (p *play) connect(ctx context.Context, n int) error {
	line := fmt.Sprintf("for i in $(seq %d); do %s -o /dev/null -w '%%{http_code}\\n' %s/api/app/rides || true; done | sort | uniq -c", n, curl, service)
	text, err := p.on(ctx, cluster.Bench, line)
	if err != nil {
		return err
	}
	if fields := strings.Fields(text); len(fields) != 2 || fields[0] != strconv.Itoa(n) || fields[1] != "401" {
		return fmt.Errorf("of %d connections, these had each answer: %s", n, strings.Join(strings.Fields(text), " "))
	}
	return nil
}

// report has the parts of the benchmarker's that matter here.
type report struct {
	Passed bool    `json:"passed"`
	Reason string  `json:"reason"`
	Score  float64 `json:"score"`
	Errors int     `json:"error_count"`
}

func readReport(file string) (r report, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// clean fails unless the run passed without an error.
func (r report) clean() error {
	if !r.Passed || r.Errors > 0 {
		return fmt.Errorf("the benchmarker has counted %d errors, passed: %v, reason: %s", r.Errors, r.Passed, r.Reason)
	}
	return nil
}
