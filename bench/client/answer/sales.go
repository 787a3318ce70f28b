package answer

import "isuride/bench/world"

// Sales decodes an owner's sales.
func Sales(body []byte) (*world.Sales, error) {
	return decode(body, func(r *reader) *world.Sales {
		s := world.Sales{Chairs: []world.ChairSales{}, Models: []world.ModelSales{}}
		var seen uint
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			switch string(r.key()) {
			case "total_sales":
				s.Total = int(r.integer())
				seen |= 1
			case "chairs":
				seen |= 2
				for ok := r.begin('[', ']'); ok; ok = r.more(']') {
					s.Chairs = append(s.Chairs, r.chairSales())
				}
			case "models":
				seen |= 4
				for ok := r.begin('[', ']'); ok; ok = r.more(']') {
					s.Models = append(s.Models, r.modelSales())
				}
			default:
				r.skip()
			}
		}
		r.need(seen, "total_sales", "chairs", "models")
		return &s
	})
}

func (r *reader) chairSales() world.ChairSales {
	var c world.ChairSales
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "id":
			c.ID = r.text()
			seen |= 1
		case "name":
			c.Name = r.text()
			seen |= 2
		case "sales":
			c.Sales = int(r.integer())
			seen |= 4
		default:
			r.skip()
		}
	}
	r.need(seen, "id", "name", "sales")
	return c
}

func (r *reader) modelSales() world.ModelSales {
	var m world.ModelSales
	var seen uint
	for ok := r.begin('{', '}'); ok; ok = r.more('}') {
		switch string(r.key()) {
		case "model":
			m.Model = r.text()
			seen |= 1
		case "sales":
			m.Sales = int(r.integer())
			seen |= 2
		default:
			r.skip()
		}
	}
	r.need(seen, "model", "sales")
	return m
}
