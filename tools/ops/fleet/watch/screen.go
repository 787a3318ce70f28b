package watch

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Screen is a view that fills a terminal. It uses the terminal's alternate screen, so
// that Close restores the previous contents.
type Screen struct {
	out    *os.File
	in     *os.File // nil if no keys can be read
	before unix.Termios
	colour bool
}

// IsTerminal tells if a file is a terminal.
func IsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Sequences of xterm, which all terminals in use understand: alternate screen, no cursor,
// no wrapping of long lines; home, and clearing to the end of the line and of the screen.
const (
	enter     = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leave     = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	home      = "\x1b[H"
	clearLine = "\x1b[K"
	clearRest = "\x1b[J"
)

// OpenScreen takes over the terminal out. If in is a terminal as well, typing q there
// calls quit. Keys that send signals keep working, except the one that suspends.
func OpenScreen(out, in *os.File, quit func()) (*Screen, error) {
	s := &Screen{out: out, colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if IsTerminal(in) {
		if err := s.readKeys(in, quit); err != nil {
			return nil, err
		}
	}
	if _, err := out.WriteString(enter); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Screen) readKeys(in *os.File, quit func()) error {
	state, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	s.in, s.before = in, *state
	state.Lflag &^= unix.ICANON | unix.ECHO
	state.Cc[unix.VSUSP] = 0 // a suspended page would leave the terminal as it is
	state.Cc[unix.VMIN], state.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, state); err != nil {
		return err
	}
	go func() {
		key := make([]byte, 1)
		for {
			if _, err := in.Read(key); err != nil {
				return
			}
			if key[0] == 'q' || key[0] == 'Q' {
				quit()
			}
		}
	}()
	return nil
}

// Close gives the terminal back.
func (s *Screen) Close() error {
	_, err := s.out.WriteString(leave)
	if s.in != nil {
		if e := unix.IoctlSetTermios(int(s.in.Fd()), unix.TCSETS, &s.before); err == nil {
			err = e
		}
	}
	return err
}

// The size of a terminal that does not know its own.
const (
	usualWidth  = 80
	usualHeight = 24
)

func (s *Screen) Show(reports []Report) error {
	width, height := usualWidth, usualHeight
	if size, err := unix.IoctlGetWinsize(int(s.out.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 && size.Row > 0 {
		width, height = int(size.Col), int(size.Row)
	}
	var b bytes.Buffer
	b.WriteString(home)
	// The last column stays empty: clearing after it would erase its character.
	b.WriteString(strings.Join(draw(reports, width-1, height, s.colour), clearLine+"\r\n"))
	b.WriteString(clearLine + clearRest)
	_, err := s.out.Write(b.Bytes())
	return err
}
