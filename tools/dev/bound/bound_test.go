package bound

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hanging makes the test binary be a program that never ends.
const hanging = "ISURIDE_TEST_HANGING"

func TestMain(m *testing.M) {
	if os.Getenv(hanging) != "" {
		fmt.Println("begun")
		forever()
	}
	os.Exit(m.Run())
}

func forever() {
	time.Sleep(time.Hour)
}

// timed is a test with a deadline.
type timed struct {
	testing.TB
	end    time.Time
	failed chan string
}

func (t *timed) Deadline() (time.Time, bool)       { return t.end, true }
func (t *timed) Errorf(format string, args ...any) { t.failed <- fmt.Sprintf(format, args...) }
func (t *timed) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// soon has a test whose limit is a second.
func soon(t *testing.T) *timed {
	return &timed{t, time.Now().Add(report + time.Second), make(chan string, 1)}
}

func TestLimit(t *testing.T) {
	if got := Limit(&timed{TB: t, end: time.Now().Add(report + time.Minute)}); got > time.Minute || got < 50*time.Second {
		t.Errorf("a minute before the package has to say its last, the limit is %v", got)
	}
	if got := Limit(&timed{TB: t, end: time.Now()}); got != time.Second {
		t.Errorf("at the end the limit is %v", got)
	}
	whole, ok := t.Deadline()
	if !ok {
		return // with -timeout 0
	}
	if got := Limit(t); got > time.Until(whole) {
		t.Errorf("%v before the package's end the limit is %v", time.Until(whole), got)
	}
}

// TestCommandThatHangs: the test fails, and the program says where it hangs.
func TestCommandThatHangs(t *testing.T) {
	s := soon(t)
	var said bytes.Buffer
	cmd := Command(s, os.Args[0])
	cmd.Env = append(os.Environ(), hanging+"=1")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err == nil {
		t.Error("it ends well")
	}
	if failed := <-s.failed; !strings.Contains(failed, os.Args[0]) {
		t.Errorf("the test says %s", failed)
	}
	if !strings.Contains(said.String(), "begun") || !strings.Contains(said.String(), "bound.forever") {
		t.Errorf("the program says %s", said.String())
	}
}

// TestCommandEndsWithItsTest: a program that the test has forgotten does not outlive it.
func TestCommandEndsWithItsTest(t *testing.T) {
	ended := make(chan error, 1)
	t.Run("forgets", func(t *testing.T) {
		cmd := Command(t, "sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait() }()
	})
	if err := Receive(t, "the end of a program that was forgotten", ended); err == nil {
		t.Error("it ends well")
	}
}

func TestReceive(t *testing.T) {
	from := make(chan int, 1)
	from <- 7
	if got := Receive(t, "seven", from); got != 7 {
		t.Errorf("got %d", got)
	}
	s := soon(t)
	ended := make(chan struct{})
	go func() { // since Fatal ends a goroutine
		defer close(ended)
		var tb testing.TB = s
		Receive(tb, "nothing", from)
	}()
	<-ended
	if failed := <-s.failed; !strings.HasSuffix(failed, "nothing") {
		t.Errorf("the test says %s", failed)
	}
}
