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

	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// beat is the time between two signs of life of the holder of a lock; the host waits four
// times as long.
const beat = 15 * time.Second

// farewell is the time the host's side has to end when a lock is given back.
const farewell = 5 * time.Second

var errLockLost = errors.New("the connection that keeps others from deploying was lost")

// Lock takes the locks of the hosts, and returns a context that ends when one is lost.
// release gives them back. A program that was killed, or a connection that was cut, loses
// them by itself, and the hosts undo what was not confirmed.
func Lock(ctx context.Context, r *remote.Remote, hosts []topology.Host, who string) (held context.Context, release func(), err error) {
	if r.DryRun {
		return ctx, func() {}, nil
	}
	held, cancel := context.WithCancelCause(ctx)
	var locks []*lock
	release = func() {
		for _, l := range locks {
			l.release()
		}
		cancel(nil)
	}
	for _, h := range hosts {
		l, err := take(ctx, r, h, who)
		if err != nil {
			release()
			return nil, nil, err
		}
		locks = append(locks, l)
		go func() {
			<-l.ended
			cancel(&remote.Error{Host: h.Name, Step: "go on", Err: errLockLost})
		}()
	}
	return held, release, nil
}

// lock is that of one host: a session with it.
type lock struct {
	life  *os.File // what we say
	end   func()   // of the session, without a farewell
	ended chan struct{}
	err   error // valid after ended
}

func take(ctx context.Context, r *remote.Remote, h topology.Host, who string) (*lock, error) {
	text, err := scripts.ReadFile("lock.sh")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	in, life, err := os.Pipe() // a file, so that nobody waits for input when the session ends
	if err != nil {
		return nil, err
	}
	out, said := io.Pipe()
	session, end := context.WithCancel(context.WithoutCancel(ctx)) // an undo goes on under the lock
	l := &lock{life: life, end: end, ended: make(chan struct{})}
	go func() {
		l.err = r.Talk(session, h, "take the lock", remote.AsRoot("bash -c "+remote.Quote(string(text))), in, said)
		in.Close()
		said.CloseWithError(errLockLost)
		close(l.ended)
	}()
	go l.live(who)
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		<-l.ended
		end()
		return nil, cmp.Or(l.err, errLockLost)
	}
	return l, nil
}

// live says who we are, and then that we are.
func (l *lock) live(who string) {
	defer l.life.Close()
	_, err := fmt.Fprintf(l.life, "%s since %s\n", who, time.Now().UTC().Format("2006-01-02 15:04:05 UTC"))
	for err == nil {
		select {
		case <-l.ended:
			return
		case <-time.After(beat):
			_, err = io.WriteString(l.life, "\n")
		}
	}
}

func (l *lock) release() {
	l.life.Close() // the host ends the session
	select {
	case <-l.ended:
	case <-time.After(farewell):
	}
	l.end()
	<-l.ended
}
