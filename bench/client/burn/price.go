package burn

import "time"

// Kind is something that the official tool's client does and that costs CPU.
type Kind uint8

const (
	Call       Kind = iota // a request of the API with its answer, polls and opening a stream included
	Connection             // two goroutines and buffers, besides the handshake, which is real here, too
	Event                  // a notification of a stream
	File                   // a request for a file of a page; decoding and hashing it are real
	Cached                 // looking up a file in the cache; hashing it is real
	kinds
)

var names = [kinds]string{"calls", "connections", "stream events", "files", "files from the cache"}

func (k Kind) String() string { return names[k] }

// Prices are what is burned.
type Prices struct {
	Kinds [kinds]time.Duration
	Idle  time.Duration // for a call besides, while the pool is idle; in proportion, while it is so in part
}

// Official are what the official tool's client uses beyond ours, which in this mode uses
// some 60 us a call itself, notifications and payments included. With TLS it is 20 to 30
// more in both.
//
// In B appendix E, without files, its tool used 174 us a request with half an event, with
// TLS 196; most of the requests are of the time in which the machine is full. While it is
// not, a request costs 310 to 350: every piece of work wakes threads, which look for more
// before they sleep again.
//
// Of the 630 us of a file, most is hashing: a user looks at two pages of 30 files for
// each ride, mostly from the cache, and each use hashes the body again. So for each of
// the 58,000 files of the third column there were about ten uses from the cache, at 40 us
// for the 20 KB that a file has on average.
func Official() Prices {
	return Prices{
		Kinds: [kinds]time.Duration{
			Call:       100 * time.Microsecond,
			Connection: 50 * time.Microsecond,
			Event:      45 * time.Microsecond,
			File:       100 * time.Microsecond,
			Cached:     5 * time.Microsecond,
		},
		Idle: 140 * time.Microsecond,
	}
}

// Bill is how often each kind is to be burned.
type Bill [kinds]int

func (p *Prices) of(b *Bill) (sum time.Duration) {
	for k, n := range b {
		sum += time.Duration(n) * p.Kinds[k]
	}
	return sum
}
