package simulate

import (
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"isuride/webapp/isuride"
)

// register is a chair that is looked at as a register: its place is written by reports and
// read by GETs, of both kinds. Clients write down when they called and what they were told.
type register struct {
	world   *world
	index   int
	chair   string
	value   int32
	clients int
	history []porcupine.Operation
}

type registerInput struct {
	write bool
	value int32
}

// begin has clients call until the story is over.
func (r *register) begin(chair string) {
	r.chair = chair
	for range 4 {
		r.clients++
		client := r.clients
		r.world.after(r.world.between(0, 50*time.Millisecond), 'r', -1, func() { r.next(client, r.world.hosts[r.world.dice.IntN(len(r.world.hosts))]) })
	}
}

func (r *register) next(client int, at *host) {
	w := r.world
	if w.quiet {
		r.clients--
		return
	}
	began := w.now
	var value int32
	then := func(write bool) func(outcome, error) {
		return func(o outcome, err error) {
			r.ended(client, began, write, value, o, err)
			if o != done || w.chance(4) { // who stays with one server never sees another's mistake
				at = w.hosts[w.dice.IntN(len(w.hosts))]
			}
			w.after(w.between(10*time.Millisecond, 80*time.Millisecond), 'r', -1, func() { r.next(client, at) })
		}
	}
	switch w.dice.IntN(3) {
	case 0:
		r.value++
		value = r.value
		place := isuride.Coordinate{Latitude: value, Longitude: int32(-1 - r.index)}
		w.call(at, func(s *server) error {
			c, ok := s.store.ChairByToken([]byte(r.chair))
			if !ok {
				return errGone
			}
			err := report(s, c, place)
			s.written[r.chair] = s.host.disk.Appended()
			return err
		}, then(true))
	case 1:
		w.read(at, r, &value, true, then(false))
	case 2:
		w.read(at, r, &value, false, then(false))
	}
}

// read reads the chair's place.
func (r *register) read(s *server, value *int32) bool {
	c, ok := s.store.ChairByToken([]byte(r.chair))
	if ok {
		*value = 0
		if at := c.View().Track.At; at.Longitude == int32(-1-r.index) {
			*value = at.Latitude
		}
	}
	return ok
}

// ended writes an operation down. A write without an answer may take effect at any time, or
// never; a read without one has said nothing.
func (r *register) ended(client int, began time.Duration, write bool, value int32, o outcome, err error) {
	returned := int64(r.world.now)
	switch {
	case o == refused, err != nil, o == unknown && !write:
		return
	case o == unknown:
		returned = math.MaxInt64
		client = 1_000 + len(r.history) // the client goes on, its call may, too
	}
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: registerInput{write, value}, Call: int64(began), Output: value, Return: returned})
}

// read has a server answer a GET: after a majority has confirmed that it leads, or under its
// lease. It waits for what it has seen, and for nothing else.
func (w *world) read(at *host, r *register, value *int32, confirm bool, then func(outcome, error)) {
	ended := false
	end := func(o outcome) {
		if !ended {
			ended = true
			w.after(w.between(50*time.Microsecond, time.Millisecond), 'a', -1, func() { then(o, nil) })
		}
	}
	w.after(patience, 'p', -1, func() { end(unknown) })
	at.after(w.between(50*time.Microsecond, time.Millisecond), 'h', func() {
		s := at.server
		if !s.live() {
			end(refused)
			return
		}
		answer := func() {
			if !s.live() || !r.read(s, value) || !confirm && !s.lease() {
				end(refused)
				return
			}
			if w.Flaw == DirtyRead {
				end(done)
				return
			}
			s.awaitRecord(s.written[r.chair], func(ok bool) {
				if ok {
					end(done)
				} else {
					end(refused)
				}
			})
		}
		if !confirm {
			answer()
			return
		}
		s.confirm(func(ok bool) {
			if ok {
				answer()
			} else {
				end(refused)
			}
		})
	})
}

// maxSteps bounds the search for an order of a history, in steps of the model: a clock would have a
// busy machine decide. The searches of sound histories take about one for each of their 600 calls.
const maxSteps = 1_000_000

// registerModel is a register that begins with 0. It counts the steps, and lets none be
// possible once there were too many, which ends the search.
func registerModel(steps *int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return int32(0) },
		Step: func(state, input, output any) (bool, any) {
			if *steps++; *steps > maxSteps {
				return false, state
			}
			if in := input.(registerInput); in.write {
				return true, in.value
			}
			return state.(int32) == output.(int32), state
		},
	}
}

// check looks for an order of the calls that explains all answers: that there is none, or that the
// search is given up, is a breach. Of a write without an answer the log says whether it took effect,
// and by when; so nothing is left open for ever, which the search would pay for.
func (r *register) check() {
	var history []porcupine.Operation
	for _, o := range r.history {
		if o.Return == math.MaxInt64 {
			at, committed := r.world.checks.written[writing{r.index, o.Output.(int32)}]
			if !committed {
				continue
			}
			o.Return = max(int64(at), o.Call)
		}
		history = append(history, o)
	}
	steps := 0
	switch fits := porcupine.CheckOperations(registerModel(&steps), history); {
	case steps > maxSteps:
		r.world.breach("whether the %d answers about chair %d fit an order of the calls is not known after %d steps", len(history), r.index, maxSteps)
	case !fits:
		r.world.breach("the answers about chair %d fit no order of the calls", r.index)
	}
}

// writing is a value that was written to a register.
type writing struct {
	register int
	value    int32
}
