package ledger

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// TestPostingsAreBalanced: whatever is put together sums to zero; an amount that is none is refused.
func TestPostingsAreBalanced(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var p Posting
		for range rng.IntN(6) {
			full, fare := rng.IntN(1000)-50, rng.IntN(1000)-50
			before := p
			ok := true
			want := fare >= 0
			switch rng.IntN(4) {
			case 0:
				ok = p.Grant(fare)
			case 1:
				ok = p.Use(fare)
			case 2:
				ok, want = p.Request(full, fare), want && full >= fare
			default:
				ok, want = p.Complete(full, fare), want && full >= fare
			}
			if ok != want || !ok && p != before {
				t.Fatalf("%d of %d: %v", fare, full, ok)
			}
		}
		sum := int64(0)
		for _, yen := range p.yen {
			sum += yen
		}
		if sum != 0 {
			t.Fatalf("%+v sums to %d", p, sum)
		}
	}
	if p := (Posting{}); p.Grant(math.MaxInt) {
		t.Error("an absurd amount was taken")
	}
}

// TestMark: sums up to the mark are those of the events up to it, while others are posted.
func TestMark(t *testing.T) {
	var l Ledger
	var b Balance
	l.Begin()
	var posting Posting
	posting.Request(1000, 700)
	var mu sync.Mutex // gives numbers, as a log does
	seq := uint64(0)
	post := func(key uint) {
		mu.Lock()
		seq++
		mine := seq
		mu.Unlock()
		l.Post(key, mine, &posting)
		l.Add(&b, mine, 1000)
	}
	for range 50 {
		var wait sync.WaitGroup
		marked := make(chan uint64, 1)
		for g := range 4 {
			wait.Go(func() {
				for i := range 100 {
					post(uint(g*31 + i))
					if g == 0 && i == 50 {
						mu.Lock()
						l.SetMark(seq)
						marked <- seq
						mu.Unlock()
					}
				}
			})
		}
		wait.Wait()
		mark := int64(<-marked)
		got := l.Marked()
		if got.Requested != mark || got.Yen[RidersOwed] != 700*mark || got.Yen[DiscountsGiven] != 300*mark || b.Marked() != 1000*mark {
			t.Fatalf("at mark %d: %+v, %d", mark, got, b.Marked())
		}
		if all := l.Totals(); all.Requested != int64(seq) || all.Check() != nil || b.Total() != 1000*int64(seq) {
			t.Fatalf("after %d: %+v", seq, all)
		}
		l.Unmark()
		l.Settle()
		b.Settle()
	}
}

func TestCheck(t *testing.T) {
	var p Posting
	p.Grant(3000)
	p.Use(3000)
	p.Request(1000, 500)
	p.Complete(1000, 500)
	for name, change := range map[string]func(*Totals){
		"must have 0":       func(t *Totals) { t.Yen[OwnersSales]++ },
		"riders have paid":  func(t *Totals) { t.Yen[GatewayCharged]++; t.Yen[RidersOwed]-- },
		"3000 yen are used": func(t *Totals) { t.Yen[CouponsIssued]++; t.Yen[SalesUnderWay]-- },
		"":                  func(*Totals) {},
	} {
		var l Ledger
		l.Begin()
		l.Post(3, 1, &p)
		sums := l.Totals()
		change(&sums)
		if err := sums.Check(); (err == nil) != (name == "") || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
