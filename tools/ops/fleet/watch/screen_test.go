package watch

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pair of ends: the user's terminal emulator and the program.
func terminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	t.Cleanup(func() { user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return user, program
}

// readUntil reads what the program writes up to some text.
func readUntil(t *testing.T, user *os.File, end string) string {
	t.Helper()
	var got []byte
	for piece := make([]byte, 4096); !strings.Contains(string(got), end); {
		n, err := user.Read(piece)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, piece[:n]...)
	}
	return string(got)
}

func TestScreen(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	user, program := terminal(t)
	if !IsTerminal(program) {
		t.Fatal("that is a terminal")
	}
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 10, Col: 61}); err != nil {
		t.Fatal(err)
	}

	quit := make(chan bool, 9)
	s, err := OpenScreen(program, program, func() { quit <- true })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Show(minute()); err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(readUntil(t, user, clearRest), "\r\r\n", "\r\n") // the kernel adds one
	lines := strings.Join(draw(minute(), 60, 10, true), clearLine+"\r\n")
	if want := enter + home + lines + clearLine + clearRest; page != want {
		t.Errorf("got %q\nwant %q", page, want)
	}

	if _, err := user.WriteString("xq"); err != nil { // no end of a line
		t.Fatal(err)
	}
	<-quit
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	readUntil(t, user, leave)
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Errorf("the terminal is %+v, it was %+v", after, before)
	}
}

func TestNoColour(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	user, program := terminal(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	s, err := OpenScreen(program, null, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Show(broken()); err != nil {
		t.Fatal(err)
	}
	if page := readUntil(t, user, clearRest); strings.Contains(page, string(bad)) || !strings.Contains(page, "oldest wait 31 s") {
		t.Errorf("got %q", page)
	}
}
