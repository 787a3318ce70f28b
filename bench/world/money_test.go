package world

import "testing"

func TestFare(t *testing.T) {
	for _, c := range []struct{ trip, discount, sales, fare int }{
		{13, 0, 1800, 1800},
		{21, 0, 2600, 2600},
		{13, 1500, 1800, 500}, // the surplus is lost
		{21, 1500, 2600, 1100},
		{30, 3000, 3500, 500},
	} {
		if s, f := salesOf(c.trip), fareOf(c.trip, c.discount); s != c.sales || f != c.fare {
			t.Errorf("trip %d, discount %d: sales %d, fare %d; want %d, %d", c.trip, c.discount, s, f, c.sales, c.fare)
		}
	}
}

// The table of B6.6: the smallest sales that pay for n chairs.
func TestAffordableChairs(t *testing.T) {
	for n, sales := range map[int]int{
		1: 15000, 2: 30301, 3: 45906, 4: 61825, 5: 78061, 10: 164246, 20: 364461, 30: 608522, 40: 906030,
		50: 1268691, 60: 1664513, 75: 2258246, 100: 3247800,
	} {
		if got := affordableChairs(sales); got != n {
			t.Errorf("sales %d: %d chairs, want %d", sales, got, n)
		}
		if got := affordableChairs(sales - 1); got != n-1 {
			t.Errorf("sales %d: %d chairs, want %d", sales-1, got, n-1)
		}
	}
	if affordableChairs(0) != 0 {
		t.Error("chairs without sales")
	}
}
