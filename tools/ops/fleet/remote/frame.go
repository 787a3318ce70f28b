package remote

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
)

// frame separates what a command prints from what the host prints around it: greetings of
// a .bashrc, words of a wrapper. The command runs between two marks, on both outputs, that
// nobody else can know.
type frame struct{ begin, end string }

func newFrame() frame {
	mark := "fleet-" + rand.Text()
	return frame{mark + "-begin.", mark + "-end."}
}

// around is a command for any login shell, since all understand one quoted word, that runs
// the shell command in the frame. Messages are not translated, for scripts read some.
func (f frame) around(command string) string {
	script := `unset BASH_ENV ENV
export LC_ALL=C
printf %s ` + f.begin + `
printf %s ` + f.begin + ` >&2
(
` + command + `
)
status=$?
printf %s ` + f.end + `
printf %s ` + f.end + ` >&2
exit $status`
	return "exec bash --norc -c " + Quote(script)
}

// Quote makes one word of a shell's command of the text; a backslash before a quote is
// outside of the quotes.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// inside is the part of the text that is in the frame, all of it if that has not begun.
func (f frame) inside(text string) string {
	_, inner, ok := strings.Cut(text, f.begin)
	if !ok {
		return text
	}
	inner, _, _ = strings.Cut(inner, f.end)
	return inner
}

// framed is a writer that hands on what is in the frame as it comes.
type framed struct {
	frame
	out        io.Writer
	noise      []byte // what came before the frame
	held       []byte // may be the first bytes of the end
	began, end bool
}

// noiseLimit bounds what is kept of a host that never comes to the point.
const noiseLimit = 64 << 10

func (w *framed) Write(b []byte) (int, error) {
	n := len(b)
	if !w.began {
		b = w.before(b)
	}
	if !w.began || w.end {
		return n, nil
	}
	b = append(w.held, b...)
	inner, _, ended := bytes.Cut(b, []byte(w.frame.end))
	w.end, w.held = ended, nil
	if !ended {
		k := heldBack(b, w.frame.end)
		inner, w.held = b[:len(b)-k], bytes.Clone(b[len(b)-k:])
	}
	if len(inner) == 0 {
		return n, nil
	}
	if _, err := w.out.Write(inner); err != nil {
		return 0, err
	}
	return n, nil
}

// before takes what comes before the frame and returns what comes after its beginning.
func (w *framed) before(b []byte) []byte {
	w.noise = append(w.noise, b...)
	noise, rest, ok := bytes.Cut(w.noise, []byte(w.begin))
	if w.began = ok; ok {
		w.noise = noise
		return rest
	}
	if extra := len(w.noise) - noiseLimit; extra > 0 {
		w.noise = append(w.noise[:0], w.noise[extra:]...)
	}
	return nil
}

// heldBack is the number of last bytes that may be the first ones of the mark.
func heldBack(b []byte, mark string) int {
	for k := min(len(b), len(mark)-1); k > 0; k-- {
		if string(b[len(b)-k:]) == mark[:k] {
			return k
		}
	}
	return 0
}

// whole fails unless the command has come to its end, when ssh has not complained.
func (w *framed) whole() error {
	switch {
	case w.end:
		return nil
	case w.began:
		return fmt.Errorf("the connection ended in the middle of the answer")
	}
	return fmt.Errorf("the host does not run commands%s", w.said())
}

// said quotes the noise, if there is any.
func (w *framed) said() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(w.noise), "?"))
	if text == "" {
		return ""
	}
	const enough = 200
	return fmt.Sprintf("; it said %q", text[max(0, len(text)-enough):])
}
