package crash

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"isuride/webapp/servertest"
)

// TestClusterHistory records what clients of all servers write and read while leaders are
// killed, stopped and cut off, and has porcupine look for an order of it all that one server
// could have answered in: the activity of a chair is a register, which the chair writes and its
// owner reads. Answers with an age say that they are old, and are left out.
func TestClusterHistory(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	g := bareGroup(t)
	h := newHistory(t, g)
	for i := range 12 {
		h.client(i, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	rng := rand.New(rand.NewPCG(seed, 1000))
	for range 4 {
		h.grows(150)
		leader := g.Leader()
		switch rng.IntN(3) {
		case 0:
			leader.Kill()
			g.Leader(g.Others(leader)...)
			h.grows(100)
			leader.Start()
		case 1:
			h.away.Store(leader) // a client that calls it waits
			leader.Cmd.Process.Signal(syscall.SIGSTOP)
			g.Leader(g.Others(leader)...)
			h.grows(100)
			leader.Cmd.Process.Signal(syscall.SIGCONT)
			h.away.Store(nil)
		case 2:
			g.Cut(leader, true)
			g.Leader(g.Others(leader)...)
			h.grows(100)
			g.Cut(leader, false)
		}
	}
	h.grows(150)
	h.check()
}

// history is what clients saw.
type history struct {
	t       *testing.T
	g       *servertest.Group
	owner   *servertest.Client
	chairs  []*servertest.Client
	began   time.Time
	stop    chan struct{}
	wait    sync.WaitGroup
	away    atomic.Pointer[servertest.Process] // is not called; nil mostly
	pause   time.Duration                      // of a client between two calls
	servers []*servertest.Process              // that are called

	mu         sync.Mutex
	operations []porcupine.Operation // guarded by mu
	answered   int                   // guarded by mu
}

// access is an operation on one chair's register.
type access struct {
	chair string
	write bool
	value bool
}

func newHistory(t *testing.T, g *servertest.Group) *history {
	t.Helper()
	h := &history{t: t, g: g, servers: g.Members, began: time.Now(), stop: make(chan struct{})}
	leader := g.Leader()
	var register string
	h.owner, register = leader.Owner("owner")
	for i := range 3 {
		h.chairs = append(h.chairs, leader.Chair(register, fmt.Sprint("chair", i), "SitEase", servertest.At(0, 0)))
	}
	return h
}

// client has a client write and read at random servers.
func (h *history) client(id int, rng *rand.Rand) {
	h.wait.Go(func() {
		for {
			select {
			case <-h.stop:
				return
			default:
			}
			p := h.servers[rng.IntN(len(h.servers))]
			if p == h.away.Load() {
				continue
			}
			if rng.IntN(2) == 0 {
				h.write(id, p, h.chairs[rng.IntN(len(h.chairs))], rng.IntN(2) == 0)
			} else {
				h.read(id, p)
			}
			time.Sleep(h.pause)
		}
	})
}

func (h *history) now() int64 { return int64(time.Since(h.began)) }

// write records a write. One without an answer may take place at any later time.
func (h *history) write(id int, p *servertest.Process, chair *servertest.Client, value bool) {
	c := servertest.Client{T: chair.T, Process: p, Cookie: chair.Cookie}
	call := h.now()
	r, err := c.Try("POST", "/api/chair/activity", servertest.Object{"is_active": value})
	end := h.now()
	if err != nil || r.Status != 204 {
		end = math.MaxInt64
	}
	h.add(end != math.MaxInt64, porcupine.Operation{ClientId: id, Input: access{chair.ID, true, value}, Call: call, Return: end})
	if r.Leaderless() {
		time.Sleep(time.Second) // as Retry-After says; each attempt more doubles what porcupine has to look at
	}
}

// read records what the owner's list says of each chair.
func (h *history) read(id int, p *servertest.Process) {
	c := servertest.Client{T: h.owner.T, Process: p, Cookie: h.owner.Cookie}
	call := h.now()
	r, err := c.Try("GET", "/api/owner/chairs", nil)
	end := h.now()
	if err != nil || r.Status != 200 || r.Header.Get("Age") != "" {
		return
	}
	o, err := servertest.Decode(string(r.Body))
	if err != nil {
		h.t.Error(err)
		return
	}
	for _, v := range o["chairs"].([]any) {
		chair := v.(servertest.Object)
		h.add(true, porcupine.Operation{ClientId: id, Input: access{chair: chair["id"].(string)}, Output: chair["active"].(bool), Call: call, Return: end})
	}
}

func (h *history) add(answered bool, o porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, o)
	if answered {
		h.answered++
	}
}

// grows waits for so many answers more.
func (h *history) grows(by int) {
	h.t.Helper()
	count := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.answered
	}
	enough := count() + by
	servertest.Eventually(h.t, func() error {
		if n := count(); n < enough {
			return fmt.Errorf("%d answers, want %d", n, enough)
		}
		return nil
	})
}

// registers is the model: each chair's activity by itself, true at first.
var registers = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		parts := map[string][]porcupine.Operation{}
		for _, o := range all {
			chair := o.Input.(access).chair
			parts[chair] = append(parts[chair], o)
		}
		var list [][]porcupine.Operation
		for _, part := range parts {
			list = append(list, part)
		}
		return list
	},
	Init: func() any { return true },
	Step: func(state, input, output any) (bool, any) {
		if a := input.(access); a.write {
			return true, a.value
		}
		return output.(bool) == state.(bool), state
	},
	DescribeOperation: func(input, output any) string {
		if a := input.(access); a.write {
			return fmt.Sprintf("write %v", a.value)
		}
		return fmt.Sprintf("read %v", output)
	},
}

// checkLimit ends a search of porcupine's that does not end. It decides nothing else.
const checkLimit = 5 * time.Minute

func (h *history) check() {
	h.t.Helper()
	close(h.stop)
	h.wait.Wait()
	if got := porcupine.CheckOperationsTimeout(registers, h.operations, checkLimit); got != porcupine.Ok {
		h.t.Errorf("%d operations: %s, want %s", len(h.operations), got, porcupine.Ok)
	}
	h.t.Logf("%d operations, %d answered", len(h.operations), h.answered)
}
