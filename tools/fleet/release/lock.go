package release

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"isuride/tools/fleet/remote"
	"isuride/tools/fleet/shell"
	"isuride/tools/fleet/topology"
)

// beat is how often the holder of a lock says that it lives; the host waits four times
// as long.
const beat = 15 * time.Second

// errLockLost ends what was done under a lock.
var errLockLost = errors.New("the connection that keeps others from deploying was lost")

// Lock takes the lock of the hosts, which is on the app host, and returns a context that
// ends when it is lost. release gives it back. A program that was killed, or a connection
// that was cut, loses it by itself.
func Lock(ctx context.Context, r *remote.Remote, app topology.Host, who string) (held context.Context, release func(), err error) {
	if r.DryRun {
		return ctx, func() {}, nil
	}
	text, err := scripts.ReadFile("lock.sh")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	in, life, err := os.Pipe() // a file, so that nobody waits for input when the session ends
	if err != nil {
		return nil, nil, err
	}
	out, said := io.Pipe()
	ended := make(chan error, 1)
	session, end := context.WithCancel(context.WithoutCancel(ctx)) // an undo goes on under the lock
	go func() {
		err := r.Talk(session, app, "take the lock", remote.AsRoot("bash -c "+shell.Quote(string(text))), in, said)
		in.Close()
		said.CloseWithError(errLockLost)
		ended <- err
	}()
	go func() {
		defer life.Close()
		_, err := fmt.Fprintf(life, "%s since %s\n", who, time.Now().UTC().Format("2006-01-02 15:04:05 UTC"))
		for err == nil {
			select {
			case <-session.Done():
				return
			case <-time.After(beat):
				_, err = io.WriteString(life, "\n")
			}
		}
	}()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		defer end()
		return nil, nil, cmp.Or(<-ended, errLockLost)
	}
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		<-ended
		cancel(errLockLost)
		close(done)
	}()
	return held, func() {
		life.Close() // the host ends the session
		select {
		case <-done:
		case <-time.After(5 * time.Second):
		}
		end()
		<-done
	}, nil
}
