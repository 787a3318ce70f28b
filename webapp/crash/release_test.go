package crash

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"isuride/webapp/servertest"
)

// TestFoldersOfReleases opens the data that each release left when it was killed: a city
// with one owner, chair and rider, a ride that is completed and in the tables, and after
// the tables' position in the journal a second ride, whose charge was under way, and a
// later registration. A release adds a folder here, made by itself.
func TestFoldersOfReleases(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/release*")
	if err != nil || len(folders) == 0 {
		t.Fatal("no folder of an earlier release: ", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			p := servertest.New(t)
			unpack(t, filepath.Join(folder, "data.tar.gz"), p.Data)
			db := p.Open()
			db.MustExec("UPDATE settings SET value = ? WHERE name = 'payment_gateway_url'", p.GatewayURL)
			db.Close()
			w := readExpected(t, filepath.Join(folder, "expected.json"))
			for range 2 { // the second start finds what the first one made of it
				p.Start()
				w.hold(p)
				p.Stop()
			}
		})
	}
}

// expected is what a folder holds.
type expected struct {
	Owner, Chair, User, Late string // cookies
	Completed, Charging      string // rides
	OwnerName                string `json:"owner_name"`
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
