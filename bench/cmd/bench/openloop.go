package main

import (
	"errors"
	"flag"
	"fmt"

	"isuride/bench/live"
	"isuride/bench/world"
)

// openLoop holds the flags of a load with a fixed rate.
type openLoop struct {
	rate   float64
	chairs int
	users  int

	refusals bool
}

// maxRideRate is beyond what one bench could carry.
const maxRideRate = 10_000

func (o *openLoop) register(f *flag.FlagSet) {
	f.Float64Var(&o.rate, "open-loop", 0, "request this many rides a second, however slow the server is, in a city that does not grow, and measure each from\nwhen it was due; 0 lets the city grow as in the contest (`rate`)")
	f.IntVar(&o.chairs, "open-loop-chairs", 0, "`number` of chairs of --open-loop; by default 20 and 3 for each ride a second")
	f.IntVar(&o.users, "open-loop-users", 0, "`number` of users of --open-loop, if more than the rate needs: 10, and 10 for each ride a second")
	f.BoolVar(&o.refusals, "refusals", false, "let the server of --open-loop refuse rides: answers 503 and 429 with Retry-After to what comes before a ride are no errors, the ride\nis lost and its user waits as asked")
}

func (o *openLoop) apply(c *live.Config) error {
	least, _ := world.Config{}.Population()
	switch {
	case !(o.rate >= 0 && o.rate <= maxRideRate): // false for NaN, too
		return fmt.Errorf("--open-loop %v: want 0 to %d rides a second", o.rate, maxRideRate)
	case o.refusals && o.rate == 0:
		return errors.New("--refusals without --open-loop")
	case o.chairs != 0 && o.rate == 0:
		return fmt.Errorf("--open-loop-chairs %d without --open-loop", o.chairs)
	case o.users != 0 && o.rate == 0:
		return fmt.Errorf("--open-loop-users %d without --open-loop", o.users)
	case o.users < 0:
		return fmt.Errorf("--open-loop-users %d: want 0 or more", o.users)
	case o.chairs != 0 && o.chairs < least:
		return fmt.Errorf("--open-loop-chairs %d: want at least %d", o.chairs, least)
	}
	c.RideRate, c.Chairs, c.Users, c.Refusals = o.rate, o.chairs, o.users, o.refusals
	return nil
}
