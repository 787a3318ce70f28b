package servertest

import "testing"

// Listed is the owner's list of chairs, by id.
func (c *Client) Listed() map[string]Object {
	c.T.Helper()
	chairs := map[string]Object{}
	for _, v := range c.Want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any) {
		chair := v.(Object)
		chairs[chair["id"].(string)] = chair
	}
	return chairs
}

// Abs is the absolute value.
func Abs(n int) int { return max(n, -n) }

// Sales is an answer about sales.
type Sales struct {
	Total         int64
	Chair, Model  map[string]int64 // by id and by name
	Chairs, Parts int              // lengths of the lists
}

// Sales asks for an owner's sales.
func (c *Client) Sales(query string) Sales {
	c.T.Helper()
	o := c.Want(200, "GET", "/api/owner/sales"+query, nil)
	s := Sales{Total: Integer(c.T, o["total_sales"]), Chair: map[string]int64{}, Model: map[string]int64{}}
	for _, v := range o["chairs"].([]any) {
		chair := v.(Object)
		s.Chair[chair["id"].(string)] = Integer(c.T, chair["sales"])
		s.Chairs++
	}
	for _, v := range o["models"].([]any) {
		model := v.(Object)
		s.Model[model["model"].(string)] = Integer(c.T, model["sales"])
		s.Parts++
	}
	s.consistent(c.T)
	return s
}

// consistent: the total is the sum of the chairs and of the models, each named once.
func (s *Sales) consistent(t testing.TB) {
	t.Helper()
	byChair, byModel := int64(0), int64(0)
	for _, n := range s.Chair {
		byChair += n
	}
	for _, n := range s.Model {
		byModel += n
	}
	if s.Total != byChair || s.Total != byModel || len(s.Chair) != s.Chairs || len(s.Model) != s.Parts {
		t.Errorf("the sales do not add up: %+v", *s)
	}
}

// WantSales checks the total.
func (c *Client) WantSales(total int64, query string) {
	c.T.Helper()
	if got := c.Sales(query).Total; got != total {
		c.T.Errorf("sales%s are %d, want %d", query, got, total)
	}
}
