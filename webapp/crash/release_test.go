package crash

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestFoldersOfReleases opens the data that each release left when it was killed, and what this one
// leaves, as makeFolder says. A release adds its folders here (TestMakeFolder).
func TestFoldersOfReleases(t *testing.T) {
	t.Parallel()
	for _, folder := range releases(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			openFolder(t, folder)
		})
	}
	for _, group := range []bool{false, true} {
		t.Run(fmt.Sprintf("this/group=%v", group), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			makeFolder(t, folder, "", group)
			openFolder(t, folder)
		})
	}
}

// beganWithSnapshot checks the log of a start. A group's says only when it could not.
func (p *release) beganWithSnapshot(group bool) {
	p.T.Helper()
	log := p.Output.String()
	m := hashAtStart.FindStringSubmatch(log)
	if strings.Contains(log, "a snapshot is not used") || !group && (m == nil || !strings.Contains(m[1], ".snapshot")) {
		p.T.Errorf("the snapshot is not used:\n%s", log)
	}
}

func releases(t *testing.T) []string {
	t.Helper()
	folders, err := filepath.Glob("testdata/release*")
	if err != nil || len(folders) == 0 {
		t.Fatal("no folder of an earlier release: ", err)
	}
	return folders
}

func openFolder(t *testing.T, folder string) {
	w := readExpected(t, filepath.Join(folder, "expected.json"))
	p := newRelease(t, w.Group)
	unpack(t, filepath.Join(folder, "data.tar.gz"), p.Data)
	w.payTo(p)
	for i := range 2 { // the second start finds what the first one made of it
		p.Start()
		if w.Group {
			p.alone()
		}
		if i == 0 && w.Snapshot {
			p.beganWithSnapshot(w.Group)
		}
		w.hold(p.Process)
		if i == 0 && w.Group { // a stop looks for another member for 5 s
			p.Kill()
		} else {
			p.Stop()
		}
	}
}

// expected is what a folder holds.
type expected struct {
	Owner, Chair, User, Late string // cookies
	Completed, Charging      string // rides
	OwnerName                string `json:"owner_name"`

	Snapshot bool   // the start begins with it
	Group    bool   // of one member
	Gateway  string // of the payments, where the group's folder has it
}

func readExpected(t *testing.T, path string) (w expected) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *expected) hold(p *servertest.Process) {
	p.T.Helper()
	if r := p.Send("POST", "/api/owner/owners", `{"name":"`+w.OwnerName+`"}`); r.Status != 409 {
		p.T.Errorf("the owner's name is answered %d", r.Status)
	}
	account := func(cookie string) *servertest.Client { return &servertest.Client{T: p.TB, Process: p, Cookie: cookie} }
	user := account(w.User)
	servertest.Eventually(p.T, func() error { // the charge that was under way is made
		if n := len(rides(user)); n != 2 {
			return fmt.Errorf("%d rides are completed", n)
		}
		return nil
	})
	if rides := rides(user); rides[w.Completed] != 4 || rides[w.Charging] != 5 {
		p.T.Errorf("the rides are rated %v", rides)
	}
	p.PaidOnce(w.Charging)
	account(w.Late).Want(200, "GET", "/api/app/rides", nil)
	sales := account(w.Owner).Want(200, "GET", "/api/owner/sales", nil)
	if total := servertest.Integer(p.T, sales["total_sales"]); total != 3400 {
		p.T.Errorf("sales of %d yen", total)
	}
	chairs := account(w.Owner).Want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
	if d := servertest.Integer(p.T, chairs[0].(servertest.Object)["total_distance"]); d != 41 {
		p.T.Errorf("the chair drove %d", d)
	}
}

// payTo has the payments made by the test's own gateway.
func (w *expected) payTo(p *release) {
	p.T.Helper()
	if !w.Group {
		db := p.Open()
		defer db.Close()
		db.MustExec("UPDATE settings SET value = ? WHERE name = 'payment_gateway_url'", p.GatewayURL)
		return
	}
	path := filepath.Join(p.Data, "journal", "group-0", "generations.jsonl")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.ReplaceAll(text, []byte(w.Gateway), []byte(p.GatewayURL)), 0o600)
	}
	if err != nil {
		p.T.Fatal(err)
	}
}

// rides are the ratings of the completed rides, by ride.
func rides(c *servertest.Client) map[string]int64 {
	c.T.Helper()
	ratings := map[string]int64{}
	for _, r := range c.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any) {
		ride := r.(servertest.Object)
		ratings[ride["id"].(string)] = servertest.Integer(c.T, ride["evaluation"])
	}
	return ratings
}

// unpack puts the files of a compressed tar file into a folder.
func unpack(t *testing.T, path, into string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(into, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o700)
		} else {
			err = writeTo(to, files)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeTo(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
