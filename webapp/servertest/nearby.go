package servertest

import "fmt"

// Nearby asks for chairs, and returns them by id.
func (c *Client) Nearby(query string) map[string]Object {
	c.T.Helper()
	answer := c.Want(200, "GET", "/api/app/nearby-chairs?"+query, nil)
	chairs := map[string]Object{}
	for _, v := range answer["chairs"].([]any) {
		chair := v.(Object)
		id := chair["id"].(string)
		if chairs[id] != nil {
			c.T.Errorf("chair %s is listed twice", id)
		}
		chairs[id] = chair
	}
	return chairs
}

// Lists checks whether a chair is among those around the origin, and if so where.
func (c *Client) Lists(chair *Client, want bool, where Object) {
	c.T.Helper()
	listed, ok := c.Nearby("latitude=0&longitude=0")[chair.ID]
	if ok != want {
		c.T.Fatalf("chair %s is listed: %v, want %v", chair.ID, ok, want)
	}
	if !ok {
		return
	}
	if got := fmt.Sprint(listed["current_coordinate"]); got != fmt.Sprint(where) {
		c.T.Fatalf("the chair is listed at %s, want %s", got, fmt.Sprint(where))
	}
}

// Watcher registers a user who only looks at lists.
func (p *Process) Watcher() *Client {
	p.T.Helper()
	c, _ := p.User("watcher", "")
	return c
}
