package server

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// deadSocket leaves what a killed server leaves.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
}

// TestSocketOfAKilledServerIsReplaced, and removed at the end.
func TestSocketOfAKilledServerIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	deadSocket(t, path)
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", info, err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}
}

// TestWhatIsNoDeadSocketStays: it is refused by name and as it was.
func TestWhatIsNoDeadSocketStays(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	live, err := net.Listen("unix", at("live"))
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	datagrams, err := net.ListenPacket("unixgram", at("datagrams"))
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	deadSocket(t, at("dead"))
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("text"), 0o600), os.WriteFile(at("empty"), nil, 0o600), os.Mkdir(at("folder"), 0o700),
		syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("file", at("link")), os.Symlink("nowhere", at("dangling")),
		os.Symlink("dead", at("link to a socket")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, word := range map[string]string{
		"live": "in use", "datagrams": "in use", "file": "a file", "empty": "a file", "folder": "a folder", "pipe": "a named pipe",
		"link": "a symbolic link", "dangling": "a symbolic link", "link to a socket": "a symbolic link",
	} {
		before, err := os.Lstat(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := listenUnix(at(name)); err == nil || !strings.Contains(err.Error(), at(name)) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.Lstat(at(name)); err != nil || !os.SameFile(before, after) || before.Size() != after.Size() {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}

func TestSocketPaths(t *testing.T) {
	dir := t.TempDir()
	for path, word := range map[string]string{
		"": "names no path", "@name": "names no path", filepath.Join(dir, strings.Repeat("x", 120)): "a socket can have",
		filepath.Join(dir, "none", "s"): "no such file",
	} {
		if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestSocketsOfOthersStay: at the end only our own is removed.
func TestSocketsOfOthersStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	l.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

// TestStartsAtOneSocket: of many at once one gets it, and keeps it.
func TestStartsAtOneSocket(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "s")
		deadSocket(t, path)
		var starts sync.WaitGroup
		won := make(chan net.Listener, 8)
		for range 8 {
			starts.Go(func() {
				if l, err := listenUnix(path); err == nil {
					won <- l
				}
			})
		}
		starts.Wait()
		close(won)
		if len(won) != 1 {
			t.Fatalf("%d have the socket", len(won))
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		for l := range won {
			l.Close()
		}
	}
}
