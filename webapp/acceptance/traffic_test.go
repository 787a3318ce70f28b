package acceptance

import (
	"fmt"
	"sync"

	"isuride/webapp/servertest"
)

// The clients below act on their own, each in a goroutine, and return errors where the
// test's goroutine would fail the test.

// do calls and checks the status.
func do(c *servertest.Client, status int, method, path string, body any) (servertest.Object, error) {
	r, err := c.Try(method, path, body)
	if err != nil {
		return nil, err
	}
	if r.Status != status {
		return nil, fmt.Errorf("%s %s answers %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	if len(r.Body) == 0 {
		return nil, nil
	}
	return servertest.Decode(string(r.Body))
}

// serve has a chair drive every ride that its stream brings, until the stream ends.
func serve(c *servertest.Client, toChair *servertest.Stream) error {
	for line := range toChair.Lines {
		m, err := servertest.Decode(line)
		if err != nil {
			return err
		}
		status := fmt.Sprint("/api/chair/rides/", m["ride_id"], "/status")
		switch m["status"] {
		case "MATCHING":
			err = leg(c, status, "ENROUTE", m["pickup_coordinate"])
		case "PICKUP":
			err = leg(c, status, "CARRYING", m["destination_coordinate"])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leg makes one leg of a ride: a status, and the report from its end.
func leg(c *servertest.Client, path, status string, to any) error {
	if _, err := do(c, 204, "POST", path, servertest.Object{"status": status}); err != nil {
		return err
	}
	_, err := do(c, 200, "POST", "/api/chair/coordinate", to)
	return err
}

// travel makes one ride of a user, whose chair serves.
func travel(c *servertest.Client, from, to servertest.Object) (ride string, completedAt int64, err error) {
	requested, err := do(c, 202, "POST", "/api/app/rides", servertest.Trip(from, to))
	if err != nil {
		return "", 0, err
	}
	ride = requested["ride_id"].(string)
	toUser, err := c.Open()
	if err != nil {
		return ride, 0, err
	}
	defer toUser.Close()
	if err := toUser.Await(ride, "ARRIVED"); err != nil {
		return ride, 0, err
	}
	rated, err := do(c, 200, "POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5})
	if err != nil {
		return ride, 0, err
	}
	return ride, servertest.Number(rated["completed_at"]), toUser.Await(ride, "COMPLETED")
}

// fleet registers chairs that serve until their streams end, at the latest with the
// test. They are in a row that begins at the origin.
func fleet(p *servertest.Process, register string, n int) []*servertest.Client {
	p.T.Helper()
	var serving sync.WaitGroup
	p.T.Cleanup(serving.Wait) // runs after the streams are closed
	var chairs []*servertest.Client
	for i := range n {
		chair := p.Chair(register, fmt.Sprint("chair ", i), "SitEase", servertest.At(i, 0))
		toChair := chair.Listen()
		serving.Go(func() {
			if err := serve(chair, toChair); err != nil {
				chair.T.Errorf("chair %d: %v", i, err)
			}
		})
		chairs = append(chairs, chair)
	}
	return chairs
}
