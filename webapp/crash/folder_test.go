package crash

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/servertest"
)

var (
	folderFlag  = flag.String("folder", "", "`folder` in testdata that TestMakeFolder makes")
	programFlag = flag.String("program", "", "`server` of the release that makes the folder, built by its own commit; this one by default")
	groupFlag   = flag.Bool("group", false, "the folder is of a group")
)

// TestMakeFolder keeps a folder that a release leaves, for TestFoldersOfReleases:
//
//	git worktree add /tmp/old COMMIT && (cd /tmp/old && go build -o /tmp/isuride-old ./webapp/cmd/isuride)
//	go test ./webapp/crash -run TestMakeFolder -program /tmp/isuride-old -folder testdata/release5 [-group]
//
// release3 is by 1462e04 (schema 3, snapshots of version 1), release4 and release4-group are by
// 6413460 (schema 4, snapshots of version 2; the log of a group, with a member's file of version 1).
// The older two were made by hand, and have no snapshots.
func TestMakeFolder(t *testing.T) {
	if *folderFlag == "" {
		t.Skip("a folder is only made, which TestFoldersOfReleases opens: give -folder")
	}
	if err := os.MkdirAll(*folderFlag, 0o755); err != nil {
		t.Fatal(err)
	}
	makeFolder(t, *folderFlag, *programFlag, *groupFlag)
}

// release is a server that a release's data is of: alone, or a group of one.
type release struct{ *servertest.Process }

func newRelease(t *testing.T, group bool) *release {
	p := &release{servertest.New(t)}
	p.Bare()
	if group {
		secret := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(secret, []byte("a secret of this test alone"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.Env = append(p.Env, "ISURIDE_NODE=a", "ISURIDE_REPLICAS=a=127.0.0.1:0/127.0.0.1:1", "ISURIDE_REPLICA_SECRET="+secret)
	}
	return p
}

// alone returns when a group of one leads.
func (p *release) alone() {
	p.T.Helper()
	servertest.Within(p.T, servertest.RideLimit, func() error {
		if !p.Leads() {
			return fmt.Errorf("it does not lead:\n%s", p.Output)
		}
		return nil
	})
}

// makeFolder has a server leave its data in data.tar.gz when it is killed, and what that is in
// expected.json: a city with one owner, chair and rider, a ride that is completed and in the
// tables; in a snapshot, if it writes any; and after that, in the journal alone, a second
// ride, whose charge is under way, and a later registration.
func makeFolder(t *testing.T, folder, program string, group bool) {
	t.Helper()
	p := newRelease(t, group)
	if program != "" {
		p.Under = []string{"/bin/sh", "-c", "exec " + program}
	}
	p.Start()
	if group {
		p.alone()
	}
	p.Initialize()
	w := expected{OwnerName: "古い会社", Group: group, Gateway: p.GatewayURL}
	s := &servertest.Scene{Process: p.Process}
	s.Owner, s.Register = p.Owner(w.OwnerName)
	s.Chair = p.Chair(s.Register, "chair", "SitEase", servertest.At(0, 0))
	s.User, _ = p.User("rider", "")
	w.Completed = s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(w.Completed, "MATCHING", "ARRIVED")
	s.User.Rate(w.Completed, 4)
	p.Flushed()
	status, _ := p.Operator("POST", "/snapshot")
	w.Snapshot = status == 200
	p.holdTables()
	w.Charging = s.Arrived()
	p.Gateway.Inject(slices.Repeat([]gateway.Fault{gateway.FaultHangBefore}, 10)...)                      // each attempt
	go s.User.Try("POST", "/api/app/rides/"+w.Charging+"/evaluation", servertest.Object{"evaluation": 5}) // it has no answer
	servertest.Eventually(t, func() error {
		if posts := p.Gateway.Counts().Posts; posts < 2 {
			return errors.New("the charge has not begun")
		}
		return nil
	})
	late, _ := p.User("late", "")
	p.Kill()
	w.Owner, w.Chair, w.User, w.Late = s.Owner.Cookie, s.Chair.Cookie, s.User.Cookie, late.Cookie
	text, err := json.MarshalIndent(w, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "expected.json"), append(text, '\n'), 0o644)
	}
	if err == nil {
		err = pack(filepath.Join(folder, "data.tar.gz"), p.Data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// holdTables keeps the server from writing any more rows.
func (p *release) holdTables() {
	p.T.Helper()
	db := p.Open()
	p.T.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	db.MustExec("BEGIN IMMEDIATE")
}

// pack puts a folder into a compressed tar file, without what each start makes and what segments have
// in reserve.
func pack(path, folder string) error {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	files := tar.NewWriter(z)
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		made := strings.HasSuffix(path, "lock") || strings.HasSuffix(path, "-shm") || e.Name() == "operator-token"
		if err != nil || made || path == folder {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return files.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o700})
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".segment") {
			const page = 4096
			used := len(bytes.TrimRight(content, "\x00"))
			content = content[:min(len(content), (used/page+2)*page)]
		}
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err = files.Write(content)
		return err
	})
	if err := errors.Join(err, files.Close(), z.Close()); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
