package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/servertest"
)

// TestAudit: a yen that changes in the database while the server is stopped is found by the
// command and by the next start, which serves with closed books until an operator opens them.
func TestAudit(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		user, _ := p.User("rider", "")
		_, token, _ := strings.Cut(user.Cookie, "=")
		if status, body := p.Operator("GET", "/audit"); status != 200 || !bytes.Contains(body, []byte("the books are open")) || !bytes.Contains(body, []byte("coupons issued   3000")) {
			t.Errorf("the audit says: %d %s", status, body)
		}
		if status, body := p.Operator("POST", "/audit/reopen"); status != 200 {
			t.Errorf("open books are opened: %d %s", status, body)
		}
		p.Stop()
		if out, err := audit(p); err != nil || !strings.Contains(out, "everything adds up") {
			t.Errorf("isuride audit: %v\n%s", err, out)
		}
		db := p.Open()
		if _, err := db.Exec("UPDATE coupons SET discount = discount + 1"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		snapshots, _ := filepath.Glob(filepath.Join(p.Data, "journal", "*", "*.snapshot"))
		for _, path := range snapshots {
			os.Remove(path)
		}
		if out, err := audit(p); err == nil || !strings.Contains(out, "3001") {
			t.Errorf("isuride audit, with a fault: %v\n%s", err, out)
		}

		p.Start()
		p.Unwell("the books are closed since ")
		if _, body := p.Operator("GET", "/audit"); !bytes.Contains(body, []byte("coupons issued 3000 against 3001 (-1)")) {
			t.Errorf("the audit says: %s", body)
		}
		if r := user.Call("POST", "/api/app/rides", servertest.Object{"pickup_coordinate": servertest.Object{"latitude": 0, "longitude": 0},
			"destination_coordinate": servertest.Object{"latitude": 9, "longitude": 0}}); r.Status != 503 || bytes.Contains(r.Body, []byte("3001")) {
			t.Errorf("a request: %d %s", r.Status, r.Body)
		}
		if r := user.Call("GET", "/api/app/rides", nil); r.Status != 200 {
			t.Errorf("a history: %d", r.Status)
		}
		p.Says("what happened before the violation is kept")
		if files, _ := filepath.Glob(filepath.Join(p.Data, "audit-*.txt")); len(files) == 0 {
			t.Error("there is no file of what happened")
		} else if text, err := os.ReadFile(files[0]); err != nil || !bytes.Contains(text, []byte("UserRegistered")) || bytes.Contains(text, []byte(token)) {
			t.Errorf("the file has no events, or has secrets (%v):\n%s", err, text)
		}
		if status, body := p.Operator("POST", "/audit/reopen"); status != 409 || !bytes.Contains(body, []byte("recount-worth")) {
			t.Errorf("books that do not add up are opened: %d %s", status, body)
		}
		if status, body := p.Operator("POST", "/audit/reopen?accept=differences"); status != 200 {
			t.Errorf("they are not opened on demand: %d %s", status, body)
		}
		p.Well()
		p.User("another", "")
	})
}

// audit runs the command with the server's environment.
func audit(p *servertest.Process) (string, error) {
	cmd := bound.Command(p.T, os.Args[0], "audit")
	cmd.Env = p.Env
	out, err := cmd.CombinedOutput()
	return string(out), err
}
