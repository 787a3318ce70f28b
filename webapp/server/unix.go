package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxSocketPath is the longest path, in bytes, that a socket's address holds.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// folderLimit bounds the wait for another start that holds the folder's lock. A start holds
// it only for a moment; a longer lock is another program's.
const folderLimit = 2 * time.Second

// unixListener removes its socket when it is closed, if it is still there.
type unixListener struct {
	net.Listener
	path string
	own  fs.FileInfo
}

// listenUnix listens at a path that is free, or has a socket left by a killed server. Starts
// at the same path take turns, so that none removes what another has just made.
func listenUnix(path string) (net.Listener, error) {
	switch {
	case path == "" || strings.HasPrefix(path, "@"):
		return nil, fmt.Errorf("unix:%s names no path; it must be unix:/path", path)
	case len(path) > maxSocketPath:
		return nil, fmt.Errorf("the path %s has %d bytes, that of a socket can have %d; name a shorter one",
			path, len(path), maxSocketPath)
	}
	unlock, err := lockFolderOf(path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeDeadSocket(path); err != nil {
		return nil, err
	}
	return bindUnix(path)
}

// bindUnix makes a socket that nginx, which runs as another user, can use as well.
func bindUnix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	own, err := os.Lstat(path)
	if err == nil {
		err = os.Chmod(path, 0o666)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &unixListener{Listener: l, path: path, own: own}, nil
}

// Close removes the socket before closing it: until then its inode cannot be reused.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.own) {
		_ = os.Remove(l.path) // a dead socket is removed by the next start
	}
	return l.Listener.Close()
}

// removeDeadSocket removes a socket that no program listens on, and nothing else.
func removeDeadSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is %s, not a socket, and is left alone; name another path, or move it away",
			path, typeName(info.Mode()))
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s is in use by another program; stop it, or name another path", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func typeName(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "a file"
	case fs.ModeDir:
		return "a folder"
	case fs.ModeSymlink:
		return "a symbolic link"
	case fs.ModeNamedPipe:
		return "a named pipe"
	}
	return "a device"
}

// lockFolderOf keeps other starts away from the folder until unlock is called.
func lockFolderOf(path string) (unlock func() error, err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() error {
				// A child that is being started has a copy of the descriptor for a moment.
				return errors.Join(syscall.Flock(int(dir.Fd()), syscall.LOCK_UN), dir.Close())
			}, nil
		}
		busy := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
		if !busy || time.Since(began) > folderLimit {
			dir.Close()
			return nil, fmt.Errorf("lock the folder %s for the socket: %w", filepath.Dir(path), err)
		}
	}
}
