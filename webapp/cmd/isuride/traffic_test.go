package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// The clients below act on their own, each in a goroutine: they return errors where the
// test's own goroutine would fail the test.

// do calls and checks the status.
func (c *client) do(status int, method, path string, body any) (object, error) {
	r, err := c.try(method, path, body)
	if err != nil {
		return nil, err
	}
	if r.status != status {
		return nil, fmt.Errorf("%s %s answers %d %s, want %d", method, path, r.status, r.body, status)
	}
	if len(r.body) == 0 {
		return nil, nil
	}
	return decode(string(r.body))
}

func decode(text string) (object, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		return nil, fmt.Errorf("%w, in %s", err, text)
	}
	return o, nil
}

// number is a member that was checked to be an integer, or else 0.
func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// serve has a chair drive every ride that it is told of, until its stream ends.
func (c *client) serve(toChair *events) error {
	for line := range toChair.lines {
		m, err := decode(line)
		if err != nil {
			return err
		}
		status := fmt.Sprint("/api/chair/rides/", m["ride_id"], "/status")
		switch m["status"] {
		case "MATCHING":
			err = c.leg(status, "ENROUTE", m["pickup_coordinate"])
		case "PICKUP":
			err = c.leg(status, "CARRYING", m["destination_coordinate"])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leg makes one leg of a ride: a status, and the report from its end.
func (c *client) leg(path, status string, to any) error {
	if _, err := c.do(204, "POST", path, object{"status": status}); err != nil {
		return err
	}
	_, err := c.do(200, "POST", "/api/chair/coordinate", to)
	return err
}

// travel makes one ride of a user, whose chair serves.
func (c *client) travel(from, to object) (ride string, completedAt int64, err error) {
	requested, err := c.do(202, "POST", "/api/app/rides", trip(from, to))
	if err != nil {
		return "", 0, err
	}
	ride = requested["ride_id"].(string)
	toUser, err := c.open()
	if err != nil {
		return ride, 0, err
	}
	defer toUser.close()
	if err := toUser.await(ride, "ARRIVED"); err != nil {
		return ride, 0, err
	}
	rated, err := c.do(200, "POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5})
	if err != nil {
		return ride, 0, err
	}
	return ride, number(rated["completed_at"]), toUser.await(ride, "COMPLETED")
}

// await reads up to a status of the ride.
func (e *events) await(ride, status string) error {
	limit := time.After(rideLimit)
	for {
		select {
		case line, ok := <-e.lines:
			if !ok {
				return fmt.Errorf("the stream ends before %s of ride %s", status, ride)
			}
			m, err := decode(line)
			if err != nil || m["ride_id"] == ride && m["status"] == status {
				return err
			}
		case <-limit:
			return fmt.Errorf("%s of ride %s does not come", status, ride)
		}
	}
}

// rideLimit is when a ride that waits for its chair counts as forgotten; far above the
// 30 s of S7.2, for busy machines.
const rideLimit = time.Minute

// fleet registers chairs that serve until their streams end, at the latest with the
// test. They stand in a row from the origin on.
func (p *process) fleet(register string, n int) []*client {
	p.t.Helper()
	var serving sync.WaitGroup
	p.t.Cleanup(serving.Wait) // runs after the streams are closed
	var chairs []*client
	for i := range n {
		chair := p.chair(register, fmt.Sprint("chair ", i), "SitEase", at(i, 0))
		toChair := chair.listen()
		serving.Go(func() {
			if err := chair.serve(toChair); err != nil {
				chair.t.Errorf("chair %d: %v", i, err)
			}
		})
		chairs = append(chairs, chair)
	}
	return chairs
}

// together runs n goroutines and fails the test with their errors.
func together(t testing.TB, n int, run func(i int) error) {
	t.Helper()
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			if err := run(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	running.Wait()
}
