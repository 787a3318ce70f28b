// Package admission decides which requests a server that is short of something refuses at its
// door, so that it serves the others as fast as ever.
//
// A [Gate] knows three classes of requests, a measure of how long requests wait before anybody looks
// at them, one budget for each session, and whom it has let in. Its loop looks fifty times a second; a
// request costs one atomic load as long as nothing is wrong, and never takes a lock.
//
// It leaves to others: which request is of which class, whose it is, how its refusal reads,
// and where waiting can be seen (see [Source], [Probe] and [Scheduler] for what the runtime
// itself tells). Why it is built like this: docs/overload.md.
package admission

// Class says how dispensable a request is.
type Class uint8

const (
	// C can be asked again later. It is the first to go, so what nobody has thought of is C.
	C Class = iota
	// B begins work, or goes with none.
	B
	// A ends or advances what was admitted before. It is never refused for lack of
	// anything, so only work that is bounded by what was admitted may be A.
	A
	classes = iota
)

// String is the class's letter.
func (c Class) String() string { return string("CBA"[c]) }

// Reason says why a request was refused.
type Reason uint8

const (
	Admitted Reason = iota // it was not
	// Wait: requests wait for too long before they are looked at.
	Wait
	// Backlog: what was recorded and not written yet must not grow.
	Backlog
	// Rate: the session sends more than its budget. Of all reasons this one is the client's.
	Rate
	// Stale: it has waited for longer than its client does. No answer is due.
	Stale
	reasons = iota
)

var reasonNames = [reasons]string{"", "wait", "backlog", "rate", "stale"}

// String is the reason in a word, as metrics have it.
func (r Reason) String() string { return reasonNames[r] }

// Reasons are all but Admitted.
func Reasons() []Reason { return []Reason{Wait, Backlog, Rate, Stale} }

// Mode is a setting.
type Mode string

const (
	// Default refuses only what clients would give up on anyway.
	Default Mode = "default"
	// Strict keeps waits short.
	Strict Mode = "strict"
	// Off refuses nothing; there is no gate.
	Off Mode = "off"
)
