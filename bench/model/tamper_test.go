package model_test

import (
	"fmt"
	"slices"
	"strings"

	"isuride/bench/client/answer"
	"isuride/bench/world"
)

// A tamper replaces events on their way to the World (virtual.Config.Tamper). It has a
// memory, so each run needs its own.
type tamper = func(world.Event) []world.Event

// An edit is applied to an event that a tamper chose.
type edit = func(world.Event) []world.Event

func untouched(e world.Event) []world.Event { return []world.Event{e} }
func lost(world.Event) []world.Event        { return nil }
func twice(e world.Event) []world.Event     { return []world.Event{e, e} }

// Choices of events.

// when edits every event that is chosen.
func when(is func(world.Event) bool, f edit) tamper {
	return func(e world.Event) []world.Event {
		if is(e) {
			return f(e)
		}
		return untouched(e)
	}
}

// first edits the first event that is chosen.
func first(is func(world.Event) bool, f edit) tamper {
	done := false
	return when(func(e world.Event) bool {
		if done || !is(e) {
			return false
		}
		done = true
		return true
	}, f)
}

// nth edits the n-th event of a kind, from 1.
func nth(kind world.EventKind, n int, f edit) tamper {
	return when(func(e world.Event) bool {
		if e.Kind == kind {
			n--
			return n == 0
		}
		return false
	}, f)
}

func all(kind world.EventKind) func(world.Event) bool {
	return func(e world.Event) bool { return e.Kind == kind }
}

func userGets(s world.Status) func(world.Event) bool {
	return func(e world.Event) bool {
		n, ok := e.Body.(*world.UserNotification)
		return ok && n.Status == s
	}
}

func chairGets(s world.Status) func(world.Event) bool {
	return func(e world.Event) bool {
		n, ok := e.Body.(*world.ChairNotification)
		return ok && n.Status == s
	}
}

// filled chooses answers with a list that is not empty.
func filled[T any](e world.Event) bool {
	list, ok := e.Body.([]T)
	return ok && len(list) > 0
}

// Edits of what an event brings. They change copies, because a body may be delivered
// again.

func body[T any](f func(*T)) edit {
	return func(e world.Event) []world.Event {
		b := *e.Body.(*T)
		f(&b)
		e.Body = &b
		return untouched(e)
	}
}

func list[T any](f func([]T) []T) edit {
	return func(e world.Event) []world.Event {
		e.Body = f(slices.Clone(e.Body.([]T)))
		return untouched(e)
	}
}

// item edits the first one of a list.
func item[T any](f func(*T)) edit {
	return list(func(l []T) []T { f(&l[0]); return l })
}

// failed turns an answer into a failure, although the server did what was asked.
func failed(k world.FailureKind, status int) edit {
	return func(e world.Event) []world.Event {
		return untouched(world.Event{To: e.To, Kind: e.Kind, Failure: &world.Failure{Kind: k, Status: status}})
	}
}

// undecodable is failed if the decoder refuses the given body; otherwise nothing happens.
func undecodable[T any](decode func([]byte) (T, error), body string) edit {
	if _, err := decode([]byte(body)); err == nil {
		return untouched
	}
	return failed(world.FailureDecode, 200)
}

// as gives a notification another status.
func as(s world.Status) edit {
	return func(e world.Event) []world.Event {
		switch n := e.Body.(type) {
		case *world.UserNotification:
			m := *n
			m.Status = s
			e.Body = &m
		case *world.ChairNotification:
			m := *n
			m.Status = s
			e.Body = &m
		}
		return untouched(e)
	}
}

// early sends a notification of a later status right after one.
func early(s world.Status) edit {
	return func(e world.Event) []world.Event { return append(untouched(e), as(s)(e)...) }
}

// replayed repeats a user's first notification of a status after one of a later status,
// like a stream that begins with the whole history of the ride.
func replayed(old, behind world.Status) tamper {
	kept := map[world.Entity]world.Event{}
	return func(e world.Event) []world.Event {
		if userGets(old)(e) {
			kept[e.To] = e
		}
		if again, ok := kept[e.To]; ok && userGets(behind)(e) {
			return []world.Event{e, again}
		}
		return untouched(e)
	}
}

// latestOnly loses a user's notifications of a status from the second ride on.
func latestOnly(s world.Status) tamper {
	rides := map[world.Entity]string{}
	return when(func(e world.Event) bool {
		if !userGets(s)(e) {
			return false
		}
		ride := e.Body.(*world.UserNotification).RideID
		if rides[e.To] == "" {
			rides[e.To] = ride
		}
		return rides[e.To] != ride
	}, lost)
}

// resent repeats a chair's COMPLETED after MATCHING of its next ride, once that has been
// accepted.
func resent() tamper {
	kept := map[world.Entity]world.Event{}
	return func(e world.Event) []world.Event {
		switch {
		case chairGets(world.StatusCompleted)(e):
			kept[e.To] = e
		case chairGets(world.StatusEnroute)(e) && kept[e.To].Body != nil:
			return []world.Event{e, kept[e.To]}
		}
		return untouched(e)
	}
}

// aheadOfCompleted gives a chair its next ride before COMPLETED of the current one.
func aheadOfCompleted() tamper {
	return first(chairGets(world.StatusArrived), func(e world.Event) []world.Event {
		next := *e.Body.(*world.ChairNotification)
		next.RideID, next.Status = "another", world.StatusMatching
		return []world.Event{e, {To: e.To, Kind: e.Kind, Body: &next}}
	})
}

// wire passes notifications to users through JSON, which it edits. Those that the decoder
// refuses are lost, as with the clients (B9.2, B9.3).
func wire(change func(json string) string) tamper {
	return when(all(world.EventUserNotified), func(e world.Event) []world.Event {
		n, err := answer.UserNotification([]byte(change(encode(e.Body.(*world.UserNotification)))))
		if err != nil {
			return lost(e)
		}
		e.Body = n
		return untouched(e)
	})
}

func encode(n *world.UserNotification) string {
	chair := ""
	if c := n.Chair; n.HasChair {
		chair = fmt.Sprintf(`"chair":{"id":%q,"name":%q,"model":%q,"stats":{"total_rides_count":%d,"total_evaluation_avg":%v}},`,
			c.ID, c.Name, c.Model, c.TotalRides, c.EvaluationAvg)
	}
	return fmt.Sprintf(`{"ride_id":%q,"pickup_coordinate":{"latitude":%d,"longitude":%d},"destination_coordinate":{"latitude":%d,"longitude":%d},"fare":%d,%s"status":%q}`,
		n.RideID, n.Pickup.X, n.Pickup.Y, n.Destination.X, n.Destination.Y, n.Fare, chair, n.Status)
}

// replace is strings.ReplaceAll in the order of its use here.
func replace(old, by string) func(string) string {
	return func(s string) string { return strings.ReplaceAll(s, old, by) }
}
