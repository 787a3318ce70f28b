package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// point is a coordinate as the API has it.
type point struct {
	Latitude  int `json:"latitude"`
	Longitude int `json:"longitude"`
}

// journey is one ride with all its participants.
type journey struct {
	began              time.Time
	pause              time.Duration
	owner, user, chair *client
	pickup, target     point

	mu sync.Mutex
	// The rest is guarded by mu.
	rideID string
	seen   map[string]chan struct{} // closed when "who status" has arrived
}

// model is a chair model of speed 7.
const (
	model = "ヴァーチェア SUPREME"
	speed = 7
)

func newJourney(base string, pause time.Duration) *journey {
	j := &journey{began: time.Now(), pause: pause, seen: map[string]chan struct{}{}}
	j.owner = newClient(base, j.sayer("owner"))
	j.user = newClient(base, j.sayer("user"))
	j.chair = newClient(base, j.sayer("chair"))
	// The chair starts at the pickup point, where no other chair is likely to be, so that
	// it gets the ride.
	j.pickup = point{rand.IntN(80) - 40, rand.IntN(80) - 40}
	j.target = point{j.pickup.Latitude + 8, j.pickup.Longitude - 6}
	fmt.Printf("server    %s\n", base)
	return j
}

func (j *journey) sayer(who string) func(string, ...any) {
	return func(format string, args ...any) {
		fmt.Printf("%-9s %6d ms  %s\n", who, time.Since(j.began).Milliseconds(), fmt.Sprintf(format, args...))
	}
}

// run goes through the steps; each can be repeated if the server was killed before its
// answer arrived.
func (j *journey) run(ctx context.Context) error {
	ctx, stopListening := context.WithCancel(ctx)
	defer stopListening()
	steps := []func(context.Context) error{
		j.register, j.listen, j.activate, j.request, j.accept, j.drive, j.board, j.travel, j.rate, j.look, j.deactivate,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
		time.Sleep(j.pause)
	}
	fmt.Println("done      the ride went through all six states")
	return nil
}

// expect turns an unexpected status into an error.
func expect(what string, status int, err error, allowed ...int) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, ok := range allowed {
		if status == ok {
			return nil
		}
	}
	return fmt.Errorf("%s: the server answered %d", what, status)
}

func (j *journey) register(ctx context.Context) error {
	var owner struct {
		Token string `json:"chair_register_token"`
	}
	err := create(ctx, j.owner, "/api/owner/owners", func(name string) any { return map[string]any{"name": name} }, &owner)
	if err != nil {
		return fmt.Errorf("register the owner: %w", err)
	}
	err = create(ctx, j.chair, "/api/chair/chairs", func(string) any {
		return map[string]any{"name": "RIDE-1", "model": model, "chair_register_token": owner.Token}
	}, nil)
	if err != nil {
		return fmt.Errorf("register the chair: %w", err)
	}
	err = create(ctx, j.user, "/api/app/users", func(name string) any {
		return map[string]any{"username": name, "firstname": "Ada", "lastname": "Rider", "date_of_birth": "1990-12-10"}
	}, nil)
	if err != nil {
		return fmt.Errorf("register the user: %w", err)
	}
	status, err := j.user.call(ctx, "POST", "/api/app/payment-methods", map[string]any{"token": "ride-token"}, nil)
	if err := expect("register the payment token", status, err, 204); err != nil {
		return err
	}
	j.user.say("owner, chair and user are registered")
	return nil
}

// create registers an account under a new name. If the answer is lost, the name is taken
// the next time, and another one is tried.
func create(ctx context.Context, c *client, path string, body func(name string) any, answer any) error {
	for {
		status, err := c.call(ctx, "POST", path, body(fmt.Sprintf("ride-%d", time.Now().UnixNano())), answer)
		if err != nil || status != 409 {
			return expect(path, status, err, 201)
		}
	}
}

// listen follows the chair's stream; the user's begins with the ride.
func (j *journey) listen(ctx context.Context) error {
	go j.chair.listen(ctx, "/api/chair/notification", j.hear("chair"))
	return nil
}

func (j *journey) hear(who string) func(string, notice) {
	return func(line string, n notice) {
		j.sayer(who)("gets %s", line)
		j.mu.Lock()
		defer j.mu.Unlock()
		if who == "user" && n.Status == "MATCHING" {
			j.rideID = n.RideID
		}
		ch := j.sign(who + " " + n.Status)
		select {
		case <-ch:
		default:
			close(ch)
		}
	}
}

// ride is the id of the ride, known once the user has got MATCHING.
func (j *journey) ride() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rideID
}

// sign is the channel of one notification. The lock is held.
func (j *journey) sign(what string) chan struct{} {
	if j.seen[what] == nil {
		j.seen[what] = make(chan struct{})
	}
	return j.seen[what]
}

// await waits for a notification.
func (j *journey) await(ctx context.Context, who, status string) error {
	j.mu.Lock()
	ch := j.sign(who + " " + status)
	j.mu.Unlock()
	select {
	case <-ch:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the %s got no %s within %v", who, status, patience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *journey) activate(ctx context.Context) error {
	status, err := j.chair.call(ctx, "POST", "/api/chair/activity", map[string]any{"is_active": true}, nil)
	if err := expect("activate the chair", status, err, 204); err != nil {
		return err
	}
	j.chair.say("is active")
	return j.report(ctx, j.pickup)
}

func (j *journey) report(ctx context.Context, at point) error {
	var answer struct {
		RecordedAt int64 `json:"recorded_at"`
	}
	status, err := j.chair.call(ctx, "POST", "/api/chair/coordinate", at, &answer)
	if err := expect("report a position", status, err, 200); err != nil {
		return err
	}
	j.chair.say("is at %d,%d", at.Latitude, at.Longitude)
	return nil
}

func (j *journey) request(ctx context.Context) error {
	trip := map[string]any{"pickup_coordinate": j.pickup, "destination_coordinate": j.target}
	var estimate struct{ Fare, Discount int }
	status, err := j.user.call(ctx, "POST", "/api/app/rides/estimated-fare", trip, &estimate)
	if err := expect("estimate the fare", status, err, 200); err != nil {
		return err
	}
	var ride struct {
		RideID string `json:"ride_id"`
		Fare   int
	}
	status, err = j.user.call(ctx, "POST", "/api/app/rides", trip, &ride)
	// 409: the request went through and only its answer was lost. The stream has the id.
	if err := expect("request a ride", status, err, 202, 409); err != nil {
		return err
	}
	j.user.say("requests a ride for %d yen (discount %d)", estimate.Fare, estimate.Discount)
	go j.user.listen(ctx, "/api/app/notification", j.hear("user"))
	return j.await(ctx, "user", "MATCHING")
}

func (j *journey) accept(ctx context.Context) error {
	if err := j.await(ctx, "chair", "MATCHING"); err != nil {
		return err
	}
	return j.advance(ctx, "ENROUTE")
}

func (j *journey) advance(ctx context.Context, to string) error {
	path := "/api/chair/rides/" + j.ride() + "/status"
	status, err := j.chair.call(ctx, "POST", path, map[string]any{"status": to}, nil)
	if err := expect("set "+to, status, err, 204); err != nil {
		return err
	}
	j.chair.say("sets %s", to)
	return j.await(ctx, "user", to)
}

// drive has no distance to cover: the chair is at the pickup point and reports that.
func (j *journey) drive(ctx context.Context) error {
	if err := j.report(ctx, j.pickup); err != nil {
		return err
	}
	return j.await(ctx, "user", "PICKUP")
}

func (j *journey) board(ctx context.Context) error { return j.advance(ctx, "CARRYING") }

func (j *journey) travel(ctx context.Context) error {
	for at := j.pickup; at != j.target; {
		left := speed
		at.Latitude, left = towards(at.Latitude, j.target.Latitude, left)
		at.Longitude, _ = towards(at.Longitude, j.target.Longitude, left)
		if err := j.report(ctx, at); err != nil {
			return err
		}
	}
	return j.await(ctx, "user", "ARRIVED")
}

// towards moves from a to b by at most n and returns what is left of n.
func towards(a, b, n int) (int, int) {
	step := min(max(b-a, -n), n)
	return a + step, n - max(step, -step)
}

func (j *journey) rate(ctx context.Context) error {
	var answer struct {
		CompletedAt int64 `json:"completed_at"`
	}
	status, err := j.user.call(ctx, "POST", "/api/app/rides/"+j.ride()+"/evaluation", map[string]any{"evaluation": 5}, &answer)
	// 400: the rating went through and only its answer was lost; COMPLETED will come.
	if err := expect("rate the ride", status, err, 200, 400); err != nil {
		return err
	}
	j.user.say("rates the ride with 5 and pays")
	if err := j.await(ctx, "user", "COMPLETED"); err != nil {
		return err
	}
	return j.await(ctx, "chair", "COMPLETED")
}

func (j *journey) look(ctx context.Context) error {
	var history struct {
		Rides []struct {
			ID   string
			Fare int
		}
	}
	status, err := j.user.call(ctx, "GET", "/api/app/rides", nil, &history)
	if err := expect("read the history", status, err, 200); err != nil {
		return err
	}
	if len(history.Rides) != 1 || history.Rides[0].ID != j.ride() {
		return fmt.Errorf("the history holds %v, not the ride %s", history.Rides, j.ride())
	}
	var sales struct {
		Total int `json:"total_sales"`
	}
	status, err = j.owner.call(ctx, "GET", "/api/owner/sales", nil, &sales)
	if err := expect("read the sales", status, err, 200); err != nil {
		return err
	}
	j.owner.say("has sales of %d yen; the user paid %d", sales.Total, history.Rides[0].Fare)
	return nil
}

// deactivate leaves no idle chair that would take the next ride.
func (j *journey) deactivate(ctx context.Context) error {
	status, err := j.chair.call(ctx, "POST", "/api/chair/activity", map[string]any{"is_active": false}, nil)
	return expect("deactivate the chair", status, err, 204)
}
