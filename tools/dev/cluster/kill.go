package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"isuride/tools/cli"
)

// killer makes trouble for the leader and measures what riders see of it, through the front.
type killer struct {
	place
	n       int
	how     string
	pause   time.Duration
	clients int
	record  string // file, "" for none

	token string
	web   *http.Client
}

func parseKill(args []string) (*killer, error) {
	k := &killer{}
	f := flag.NewFlagSet("cluster kill", flag.ContinueOnError)
	k.flags(f)
	f.IntVar(&k.n, "n", 1, "how `often`")
	f.StringVar(&k.how, "how", "kill", "`what` happens to the leader: kill, stop (for 10 s), part (cut off from the others for 10 s) or handover")
	f.DurationVar(&k.pause, "pause", 3*time.Second, "`time` between two")
	f.IntVar(&k.clients, "clients", 8, "`number` of riders who register at a time; after one second without an answer another one comes")
	f.StringVar(&k.record, "record", "", "`file` to which a line of JSON is added for each trouble")
	if err := cli.Parse(f, args, 0, os.Stdout); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"kill", "stop", "part", "handover"}, k.how) {
		return nil, fmt.Errorf("-how is %q; it can be kill, stop, part or handover", k.how)
	}
	return k, nil
}

func (k *killer) run(ctx context.Context) error {
	token, err := os.ReadFile(filepath.Join(k.dir, "token"))
	if err != nil {
		return fmt.Errorf("%w; is a cluster running (make cluster)?", err)
	}
	k.token = strings.TrimSpace(string(token))
	k.web = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * k.clients}}
	var all gaps
	for i := range k.n {
		g, err := k.once(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%3d  %s\n", i+1, g)
		if err := k.note(g); err != nil {
			return err
		}
		all.add(g)
		if i+1 < k.n {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(k.pause):
			}
		}
	}
	if k.n > 1 {
		fmt.Println(all.String())
	}
	if all.lost > 0 {
		return fmt.Errorf("%d registrations were acknowledged and are gone", all.lost)
	}
	return nil
}

// gap is what one trouble did.
type gap struct {
	at       time.Time // of the order
	accepted int
	first    time.Duration // from the order to the first registration that began after it and was accepted, or to the end
	never    bool          // none was, up to the end: it took longer than first
	longest  time.Duration // between two accepted ones, or the last one and the end
	waited   time.Duration // the longest that one rider waited for an acceptance
	failed   int           // answers that were none
	lost     int           // acknowledged and gone
}

func (g gap) String() string {
	after := "after"
	if g.never {
		after = "not within"
	}
	return fmt.Sprintf("accepted again "+after+" %v; longest gap %v; longest wait of a rider %v; %d requests failed, %d acknowledged are lost",
		g.first.Round(time.Millisecond), g.longest.Round(time.Millisecond), g.waited.Round(time.Millisecond), g.failed, g.lost)
}

type gaps struct {
	first, longest      []time.Duration
	never, failed, lost int
}

func (a *gaps) add(g gap) {
	a.first, a.longest = append(a.first, g.first), append(a.longest, g.longest)
	if g.never {
		a.never++
	}
	a.failed += g.failed
	a.lost += g.lost
}

func (a *gaps) String() string {
	s := fmt.Sprintf("of %d: accepted again after p50 %v, p99 %v, at most %v; longest gap p50 %v, p99 %v; %d requests failed, %d acknowledged are lost",
		len(a.first), quantile(a.first, 0.5), quantile(a.first, 0.99), quantile(a.first, 1), quantile(a.longest, 0.5), quantile(a.longest, 0.99), a.failed, a.lost)
	if a.never > 0 {
		s += fmt.Sprintf("; after %d nothing was accepted to the end, so their times are longer than these", a.never)
	}
	return s
}

// trouble is a line of the records. Times are in milliseconds.
type trouble struct {
	How      string    `json:"how"`
	At       time.Time `json:"at"`
	Accepted int       `json:"accepted"`
	First    float64   `json:"first"`
	Never    bool      `json:"never,omitempty"`
	Longest  float64   `json:"longest"`
	Waited   float64   `json:"waited"`
	Failed   int       `json:"failed"`
	Lost     int       `json:"lost"`
}

// note adds a line to the records, if there are any.
func (k *killer) note(g gap) error {
	if k.record == "" {
		return nil
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	line, err := json.Marshal(trouble{k.how, g.at, g.accepted, ms(g.first), g.never, ms(g.longest), ms(g.waited), g.failed, g.lost})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(k.record, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(time.Millisecond)
}

const (
	// before and after are how long riders register around the trouble.
	before = time.Second
	after  = 4 * time.Second
	// breath is a rider's time between two registrations: gaps are seen to the millisecond, and the
	// machine has time for an election.
	breath = 5 * time.Millisecond
	// patience is how long one rider keeps the next from coming: a leader that stands still leaves
	// requests unanswered until it goes on, and others are served meanwhile.
	patience = time.Second
	// electionLimit is how long there may be no leader afterwards, when nobody makes trouble.
	electionLimit = 20 * time.Second
	// stopped is how long the leader stands still with -how stop, or is cut off with -how part.
	stopped = 10 * time.Second
)

// accepted is a registration.
type accepted struct {
	began, ended time.Time
	session      string
}

// once has riders register, makes the trouble, and looks for all whom the server has accepted.
func (k *killer) once(ctx context.Context) (gap, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var mu sync.Mutex
	var list []accepted
	var g gap
	var wait sync.WaitGroup
	for range k.clients {
		wait.Go(func() {
			for ctx.Err() == nil {
				answered := make(chan struct{})
				wait.Go(func() {
					defer close(answered)
					a, err := k.register(ctx)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						list = append(list, a)
					} else if ctx.Err() == nil {
						g.failed++
					}
				})
				select {
				case <-answered:
				case <-time.After(patience):
				}
				time.Sleep(breath)
			}
		})
	}
	time.Sleep(before)
	at, err := k.trouble(ctx)
	time.Sleep(after)
	over := time.Now()
	end()
	wait.Wait()
	if err != nil {
		return g, err
	}
	g.measure(list, at, over)
	return g, k.ask(list, &g)
}

// measure looks at what was accepted, from the first acceptance to the end.
func (g *gap) measure(list []accepted, at, over time.Time) {
	slices.SortFunc(list, func(a, b accepted) int { return a.ended.Compare(b.ended) })
	g.at, g.accepted = at, len(list)
	g.first, g.never = over.Sub(at), true
	for i, a := range list {
		g.waited = max(g.waited, a.ended.Sub(a.began))
		if i > 0 {
			g.longest = max(g.longest, a.ended.Sub(list[i-1].ended))
		}
		if g.never && a.began.After(at) {
			g.first, g.never = a.ended.Sub(at), false
		}
	}
	last := at // with none at all
	if len(list) > 0 {
		last = list[len(list)-1].ended
	}
	g.longest = max(g.longest, over.Sub(last))
}

// trouble orders it, and returns when it was there.
func (k *killer) trouble(ctx context.Context) (at time.Time, err error) {
	leader, err := k.leader(ctx)
	if err != nil {
		return at, err
	}
	switch member := (url.Values{"member": {leader}}); k.how {
	case "stop":
		if err := k.order(ctx, "stop", member); err != nil {
			return at, err
		}
		at = time.Now()
		time.Sleep(stopped)
		return at, k.order(context.Background(), "continue", member) // also after Ctrl-C
	case "part":
		member.Set("for", stopped.String())
		if err := k.order(ctx, "part", member); err != nil {
			return at, err
		}
		at = time.Now()
		time.Sleep(stopped)
		return at, nil
	case "handover":
		at = time.Now()
		return at, k.order(ctx, "handover", nil)
	default:
		err = k.order(ctx, "kill", member)
		return time.Now(), err
	}
}

func (k *killer) order(ctx context.Context, what string, form url.Values) error {
	_, err := k.control(ctx, "POST", what, form)
	return err
}

// control asks the control of the cluster.
func (k *killer) control(ctx context.Context, method, what string, form url.Values) (says string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+k.address(controlPort)+"/"+what, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+k.token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got, err := k.web.Do(r)
	if err != nil {
		return "", err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && got.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	return string(text), err
}

// leaderLimit bounds the wait for a leader: on a busy machine it may change by itself.
const leaderLimit = 10 * time.Second

// leader returns who leads, as soon as somebody does.
func (k *killer) leader(ctx context.Context) (string, error) {
	for began := time.Now(); time.Since(began) < leaderLimit; time.Sleep(10 * time.Millisecond) {
		says, err := k.control(ctx, "GET", "status", nil)
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(says) {
			if rest, ok := strings.CutPrefix(line, "* "); ok {
				name, _, _ := strings.Cut(rest, " ")
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("nobody has led for %s", leaderLimit)
}

// register registers a rider with a new name.
func (k *killer) register(ctx context.Context) (accepted, error) {
	body := fmt.Sprintf(`{"username":"%s","firstname":"Ann","lastname":"Lee","date_of_birth":"2000-01-01"}`, rand.Text())
	a := accepted{began: time.Now()}
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+k.address(0)+"/api/app/users", bytes.NewBufferString(body))
	if err != nil {
		return a, err
	}
	got, err := k.web.Do(r)
	if err != nil {
		return a, err
	}
	defer got.Body.Close()
	if _, err := io.Copy(io.Discard, got.Body); err != nil {
		return a, err
	}
	if got.StatusCode != http.StatusCreated {
		return a, errors.New(got.Status)
	}
	a.ended, a.session = time.Now(), got.Header.Get("Set-Cookie")
	return a, nil
}

// ask asks for each rider whom the server has accepted.
func (k *killer) ask(list []accepted, g *gap) error {
	for _, a := range list {
		session, _, _ := strings.Cut(a.session, ";")
		for end := time.Now().Add(electionLimit); ; time.Sleep(breath) {
			status, err := k.known(session)
			if err != nil {
				return err
			}
			if status == http.StatusUnauthorized {
				g.lost++
			}
			if status == http.StatusUnauthorized || status == http.StatusOK {
				break
			}
			// A busy machine may change its leader at any time.
			if status < 500 || time.Now().After(end) {
				return fmt.Errorf("asked for a rider, the front answers %d", status)
			}
		}
	}
	return nil
}

// known asks for the rides of a session.
func (k *killer) known(session string) (status int, err error) {
	r, err := http.NewRequest("GET", "http://"+k.address(0)+"/api/app/rides", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Cookie", session)
	got, err := k.web.Do(r)
	if err != nil {
		return 0, err
	}
	return got.StatusCode, got.Body.Close()
}
