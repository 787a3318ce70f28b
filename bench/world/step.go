package world

import "fmt"

// A step is a point at which the turn of a user, chair or owner waits: for the answer to
// a call, or to be resumed. The row of a step in the table of its kind is all there is to
// it.
type step[T turnTaker] struct {
	event  EventKind                          // the answer; 0 if the turn is resumed
	page   Visit                              // of a page visit
	call   string                             // for complaints
	code   Code                               // counted when the call fails; 0 if failed counts
	take   func(T, Event)                     // goes on with an answer that is not a page
	then   func(T)                            // goes on after a visit, or when resumed
	failed func(x T, call string, f *Failure) // goes on after a failure; nil: the turn ends
}

// onResume is a step at which a turn is parked.
func onResume[T turnTaker](then func(T)) step[T] { return step[T]{then: then} }

// onVisit is a page visit. When it fails, the code of what the visit was for counts (B4.5).
func onVisit[T turnTaker](p Visit, c Code, then func(T), failed func(T, string, *Failure)) step[T] {
	return step[T]{event: EventVisited, page: p, call: "page visit", code: c, then: then, failed: failed}
}

// onAnswer is any other call.
func onAnswer[T turnTaker](e EventKind, call string, c Code, take func(T, Event), failed func(T, string, *Failure)) step[T] {
	return step[T]{event: e, call: call, code: c, take: take, failed: failed}
}

type turnTaker interface {
	endTurn()
	callFailed(Code, string, *Failure)
	// refused ends the turn if the call was one that the server may refuse.
	refused(*Failure) bool
}

// answered goes on with the turn of x, which waits at s.
func (s *step[T]) answered(x T, e Event) {
	if e.Kind != s.event {
		panic(fmt.Sprintf("BUG: %v got event %d and waits for event %d", x, e.Kind, s.event))
	}
	if e.Failure != nil {
		s.fail(x, e.Failure)
		return
	}
	if s.page == 0 {
		s.take(x, e)
		return
	}
	s.then(x)
}

func (s *step[T]) fail(x T, f *Failure) {
	if f.RetryAfter > 0 && x.refused(f) {
		return
	}
	if s.code != 0 {
		x.callFailed(s.code, s.call, f)
	}
	if s.failed == nil {
		x.endTurn()
		return
	}
	s.failed(x, s.call, f)
}

// resumed goes on with the turn of x, which was parked at s.
func (s *step[T]) resumed(x T) {
	if s.event != 0 || s.then == nil {
		panic(fmt.Sprintf("BUG: %v resumed while it waits for event %d", x, s.event))
	}
	s.then(x)
}
