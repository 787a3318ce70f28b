// Package archcheck contains the project's import table, which says what each package may
// import from the project and why, and other checks of the whole repository. Imports
// point downwards; whatever is not in the table is forbidden.
package archcheck

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the path from here to the project's root.
var root = filepath.Join("..", "..", "..")

// rule is a row of the table: a package, or a tree of them if it ends in "/...", what it
// may import from the project, and the reason for the limit.
type rule struct {
	pkg    string
	may    []string
	reason string
}

var table = []rule{
	{"webapp/isuride", nil, "the domain depends on nothing: no I/O, locks, clock, JSON or SQL"},
	{"webapp/admission", nil, "who is refused depends on waits and classes, not on what is asked for"},
	{"webapp/notify", []string{"webapp/internal/lockwatch"}, "a recipient's log knows neither messages nor transport"},
	{"webapp/journal", []string{"webapp/internal/disk", "webapp/internal/lockwatch", "webapp/internal/pulse"}, "the log is bytes only"},
	{"webapp/match", nil, "the solver works on numbers"},
	{"webapp/payment", []string{"webapp/internal/lockwatch"}, "the gateway client knows tokens, amounts and keys"},
	{"webapp/internal/...", []string{"webapp/internal/lockwatch"}, "building blocks know nothing of the domain"},
	{"webapp/internal/httpd", []string{"webapp/internal/lockwatch", "webapp/internal/httpd/h2"}, "a building block that has HTTP/2 apart"},
	{"webapp/internal/httpd/rivals", []string{"webapp/internal/httpd"}, "a module of its own, which compares servers"},
	{"webapp/wire", []string{"webapp/isuride"}, "encoders work on plain values"},
	{"webapp/flush", []string{"webapp/isuride", "webapp/recount", "webapp/internal/batch", "webapp/internal/histogram", "webapp/internal/lockwatch", "webapp/internal/pulse"}, "the write-behind knows rows, and log and database through interfaces"},
	{"webapp/sqlstore", []string{"webapp/isuride", "sql"}, "the only SQL knows rows, not state"},
	{"webapp/sqlstore/mysqltest", []string{"webapp/sqlstore", "tools/dev/freeport"}, "a database for tests knows how to reach it, not its tables"},
	{"webapp/ledger", nil, "double entry depends on nothing"},
	{"webapp/recount", []string{"webapp/isuride"}, "the second implementation shares no code with the first, state and ledger"},
	{"webapp/state", []string{"webapp/isuride", "webapp/ledger", "webapp/notify", "webapp/internal/lockwatch"}, "the live state writes to a log through an interface"},
	{"webapp/snapshot", []string{"webapp/isuride", "webapp/journal", "webapp/state"}, "files of images, which say what log they belong to"},
	{"webapp/feed", []string{"webapp/isuride", "webapp/journal", "webapp/state", "webapp/snapshot", "webapp/internal/lockwatch", "webapp/internal/pulse"},
		"frames are made of events and images, and know nothing of how they travel"},
	{"webapp/replica", []string{"webapp/internal/lockwatch", "webapp/internal/pulse"}, "a member of a group knows its log, images and clock through interfaces, and records as bytes"},
	{"webapp/simulate", []string{"webapp/internal/disk", "webapp/isuride", "webapp/journal", "webapp/replica", "webapp/state"}, "the simulation is for tests, and no program of ours imports it but tools/dev/simulate"},
	{"webapp/dispatch", []string{"webapp/isuride", "webapp/state", "webapp/internal/histogram", "webapp/internal/lockwatch"}, "matching gets its solver through an interface"},
	{"webapp/engine", []string{"webapp/isuride", "webapp/recount", "webapp/state", "webapp/snapshot", "webapp/journal", "webapp/flush", "webapp/dispatch", "webapp/payment", "webapp/sqlstore", "webapp/replica",
		"webapp/internal/disk", "webapp/internal/histogram", "webapp/internal/lockwatch", "webapp/internal/pulse"},
		"the engine puts the parts together, below HTTP"},
	{"webapp/questions", nil, "questions know tables of QuestDB, and no server"},
	{"webapp/stream", []string{"webapp/client", "webapp/internal/batch", "webapp/internal/lockwatch"}, "the stream gets frames through an interface, or over the network as any client does, and never sees the log"},
	{"webapp/stream/servers", nil, "servers of others, which the stream reaches over the network"},
	{"webapp/docs", nil, "documents describe the server, they do not know it"},
	{"webapp/api", []string{"webapp/admission", "webapp/docs", "webapp/feed", "webapp/isuride", "webapp/state", "webapp/engine", "webapp/questions", "webapp/wire", "webapp/internal/httpd", "webapp/internal/histogram", "webapp/internal/lockwatch"}, "the API does not reach below the engine and the state"},
	{"webapp/metrics", []string{"webapp/admission", "webapp/api", "webapp/engine", "webapp/feed", "webapp/stream", "webapp/internal/..."}, "metrics are read, and only read, from the packages that have them"},
	{"webapp/ui", nil, "the interface is files; it uses the public interface only"},
	{"webapp/inspect", []string{"webapp/isuride", "webapp/journal", "webapp/snapshot", "webapp/state"}, "what is shown of a log or a snapshot needs their files and the meaning of events, and no database"},
	{"webapp/restore", []string{"webapp/flush", "webapp/isuride", "webapp/journal", "webapp/recount", "webapp/sqlstore"}, "a restore is the write-behind on a copy; it serves nobody"},
	{"webapp/audit", []string{"webapp/engine", "webapp/isuride", "webapp/journal", "webapp/payment", "webapp/recount", "webapp/snapshot", "webapp/sqlstore", "webapp/state"}, "an audit reads what a server left; it serves nobody"},
	{"webapp/server", []string{"webapp/admission", "webapp/api", "webapp/audit", "webapp/client", "webapp/docs", "webapp/feed", "webapp/dispatch", "webapp/engine", "webapp/inspect", "webapp/isuride", "webapp/journal", "webapp/match", "webapp/metrics", "webapp/questions", "webapp/replica", "webapp/restore", "webapp/sqlstore", "webapp/state", "webapp/stream", "webapp/ui", "webapp/wire", "webapp/internal/..."}, "the program puts all parts together, but nothing from tests"},
	{"webapp/cmd/isuride", []string{"webapp/server"}, "main starts the server"},
	{"webapp/servertest", []string{"webapp/isuride", "webapp/server", "webapp/sqlstore/...", "tools/dev/paymentmock/...", "tools/dev/devcert/cert", "tools/dev/freeport", "tools/dev/bound", "tools/dev/cable"}, "a server for tests, which no program imports"},
	{"webapp/client", nil, "a client knows the documents, not the server"},
	{"webapp/acceptance", nil, "tests only"},
	{"webapp/crash", nil, "tests only"},
	{"sql", nil, "the files embed nothing else"},
	{"nginx", []string{"tools/dev/devcert/..."}, "the proxy's tests need a certificate"},
	{"bench/world", nil, "the simulation knows neither clock nor network"},
	{"bench/nearest", nil, "a suggestion for a misspelled word"},
	{"bench/chart", nil, "a chart knows numbers, not where they come from"},
	{"bench/frontend", nil, "files are made up from nothing"},
	{"bench/naive", nil, "a yardstick shares nothing with what it measures"},
	{"bench/client/evloop", nil, "the event loop knows descriptors and timers"},
	{"bench/client/h1", nil, "the wire format of requests and answers"},
	{"bench/client/answer", []string{"bench/world"}, "answers become the world's values"},
	{"bench/client/burn", nil, "a price list and threads that burn"},
	{"bench/client", []string{"bench/client/...", "bench/world"}, "the world's clients over HTTP"},
	{"bench/payment", []string{"bench/world", "bench/client/evloop"}, "the payment service runs on a loop of its own"},
	{"bench/virtual", []string{"bench/world", "bench/payment"}, "a run in virtual time knows no server"},
	{"bench/model", []string{"bench/world", "bench/payment", "bench/virtual"}, "a server in memory for the virtual run"},
	{"bench/live", []string{"bench/world", "bench/payment", "bench/client/..."}, "a run in real time"},
	{"bench/report", []string{"bench/world", "bench/live", "bench/chart"}, "the records and reports of a run"},
	{"bench/verify/probe", nil, "the probe talks to a server and knows no rules"},
	{"bench/verify/rules", []string{"bench/verify/probe"}, "the rules talk to a server only through the probe"},
	{"bench/verify", []string{"bench/verify/..."}, "the check runs the rules over the probe"},
	{"bench/compare/official", []string{"bench/world", "bench/client", "bench/live", "bench/model", "bench/report", "bench/virtual"},
		"the official tool's figures compared with ours"},
	{"bench/compare", []string{"bench/...", "tools/cli"}, "it starts both servers as programs, so it needs neither's code"},
	{"bench/cmd/bench", []string{"bench/client", "bench/frontend", "bench/live", "bench/nearest", "bench/report", "bench/verify", "bench/world"},
		"main uses verify's interface, not its rules"},
	{"tools/cli", []string{"bench/nearest"}, "a command line knows no command"},
	{"tools/dev/archcheck", nil, "it reads the project, it does not link it"},
	{"tools/dev/traffic", nil, "a module of its own, which reads what tests have recorded"},
	{"tools/dev/freeport", nil, "it gives tests ports, and knows none"},
	{"tools/dev/cable", nil, "a way that can be cut, and no more"},
	{"tools/dev/allocs", nil, "it counts allocations of tests, whatever they test"},
	{"tools/dev/bound", nil, "it bounds what tests wait for, whatever it is"},
	{"tools/dev/scales", nil, "it weighs answers and knows none"},
	{"tools/dev/skips", []string{"tools/cli"}, "it reads the output of tests"},
	{"tools/dev/devcert/...", []string{"tools/cli", "tools/dev/devcert/..."}, "a certificate for this machine"},
	{"tools/dev/paymentmock/...", []string{"tools/cli", "tools/dev/paymentmock/..."}, "a gateway of its own, so that it shares no mistake with the bench's"},
	{"tools/dev/cluster", []string{"tools/cli", "tools/dev/cable", "tools/dev/paymentmock/gateway"}, "it starts servers as programs, and knows only their API"},
	{"tools/dev/ride", []string{"tools/cli", "tools/dev/paymentmock/gateway"}, "a client knows only the API"},
	{"tools/dev/stream", []string{"tools/cli", "webapp/stream/servers"}, "it starts servers of others"},
	{"tools/dev/webbuild", nil, "it makes files of files"},
	{"tools/dev/seed", []string{"tools/cli", "webapp/isuride", "webapp/sqlstore"}, "it makes a dump that the server loads"},
	{"tools/dev/simulate", []string{"tools/cli", "webapp/simulate"}, "it counts stories"},
	{"tools/dev/matchlab", []string{"tools/cli", "bench/chart", "bench/payment", "bench/virtual", "bench/world",
		"webapp/dispatch", "webapp/isuride", "webapp/match", "webapp/state"}, "the only place where the bench's city meets the server's matching"},
	{"tools/ops/observability", []string{"tools/cli", "bench/chart"}, "it draws what Prometheus has"},
	{"tools/ops/lab/cluster", nil, "hosts, whatever is deployed to them"},
	{"tools/ops/lab/scenario", []string{"tools/ops/lab/cluster"}, "it drives fleet as a program, as an operator does"},
	{"tools/ops/lab", []string{"tools/cli", "bench/nearest", "tools/ops/lab/..."}, "main wires"},
	{"tools/ops/fleet/topology", nil, "which host does what"},
	{"tools/ops/fleet/runs", nil, "a run's record knows no host"},
	{"tools/ops/fleet/remote", []string{"tools/ops/fleet/topology"}, "ssh knows no command"},
	{"tools/ops/fleet/layout", []string{"tools/ops/fleet/topology"}, "files of a host follow from the topology alone"},
	{"tools/ops/fleet/hostscript", []string{"tools/ops/fleet/topology", "tools/ops/fleet/remote", "tools/ops/fleet/layout"}, "how a script is sent"},
	{"tools/ops/fleet/fleettest", []string{"tools/dev/bound", "tools/ops/fleet/topology", "tools/ops/fleet/remote"}, "hosts for tests"},
	{"tools/ops/fleet/watch", []string{"tools/ops/fleet/topology", "tools/ops/fleet/remote", "tools/ops/fleet/layout"}, "a page over what hosts say"},
	{"tools/ops/fleet/...", []string{"tools/ops/fleet/topology", "tools/ops/fleet/remote", "tools/ops/fleet/layout", "tools/ops/fleet/hostscript"},
		"a command knows no other command"},
	{"tools/ops/fleet", []string{"tools/cli", "bench/nearest", "bench/report", "tools/ops/fleet/..."}, "main wires"},
}

// testsMay lists additional imports allowed in tests, by top-level folder: a whole server
// for scenarios over real HTTP, and databases and gateways to run it with. Tests keep
// bench and webapp apart, too.
var testsMay = map[string][]string{
	"webapp": {"webapp/...", "sql", "tools/dev/paymentmock/...", "tools/dev/devcert/...", "tools/dev/scales", "tools/dev/freeport", "tools/dev/allocs", "tools/dev/bound", "tools/dev/cable"},
	"bench":  {"bench/...", "tools/dev/freeport", "tools/dev/allocs", "tools/dev/bound"},
	"tools":  {"tools/...", "webapp/...", "bench/...", "sql"},
	"nginx":  {"tools/dev/devcert/...", "tools/dev/paymentmock/...", "tools/dev/scales", "tools/dev/freeport", "tools/dev/bound"},
}

func topOf(pkg string) string { top, _, _ := strings.Cut(pkg, "/"); return top }

// isForeign says that a folder holds nothing of ours: hidden ones, and what npm installs.
func isForeign(name string) bool { return strings.HasPrefix(name, ".") || name == "node_modules" }

func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && isForeign(d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") {
			return nil
		}
		seen++
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		checkFile(t, file, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", seen)
	}
}

func checkFile(t *testing.T, file, rel string) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	pkg := path.Dir(rel)
	r, ok := ruleFor(pkg)
	if !ok {
		t.Errorf("%s: package %s is not in the table of tools/dev/archcheck; add it with its reason", rel, pkg)
		return
	}
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		ours, ok := strings.CutPrefix(imported, "isuride/")
		if !ok || ours == pkg || covered(ours, r.may) {
			continue
		}
		if strings.HasSuffix(rel, "_test.go") && covered(ours, testsMay[topOf(pkg)]) {
			continue
		}
		t.Errorf("%s imports %s: %s", rel, ours, r.reason)
	}
}

// ruleFor finds the most specific rule.
func ruleFor(pkg string) (rule, bool) {
	best, found := rule{}, false
	for _, r := range table {
		if r.pkg == pkg {
			return r, true
		}
		if covered(pkg, []string{r.pkg}) && len(r.pkg) > len(best.pkg) {
			best, found = r, true
		}
	}
	return best, found
}

func covered(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		tree, isTree := strings.CutSuffix(p, "/...")
		return pkg == p || isTree && (pkg == tree || strings.HasPrefix(pkg, tree+"/"))
	})
}

// TestTableCatches breaks the rules on purpose.
func TestTableCatches(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		allowed       bool
	}{
		{"bench/world", "webapp/isuride", false},
		{"bench/live", "bench/world", true},
		{"bench/verify/probe", "bench/verify/rules", false},
		{"bench/verify/rules", "bench/verify", false},
		{"bench/naive", "bench/world", false},
		{"bench/compare", "webapp/isuride", false},
		{"bench/compare", "tools/cli", true},
		{"webapp/state", "webapp/journal", false},
		{"webapp/state", "webapp/isuride", true},
		{"webapp/sqlstore", "webapp/state", false},
		{"webapp/internal/httpd", "webapp/isuride", false},
	} {
		r, ok := ruleFor(c.pkg)
		if !ok || covered(c.imported, r.may) != c.allowed {
			t.Errorf("%s importing %s: allowed is %v", c.pkg, c.imported, !c.allowed)
		}
	}
}
