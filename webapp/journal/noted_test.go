package journal

import (
	"sync"
	"testing"
)

// notes are the numbers of records as they are noted, without a lock of their own.
type notes struct{ seqs []uint64 }

func (n *notes) Recorded(seq uint64) { n.seqs = append(n.seqs, seq) }

// TestNotesHaveTheOrderOfTheLog: what is noted by many at once needs no lock, in any segment, and
// who holds the log finds it as of the last record.
func TestNotesHaveTheOrderOfTheLog(t *testing.T) {
	j, err := Open(Options{Dir: t.TempDir(), SegmentBytes: 1 << 16, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	const writers, records = 4, 1000
	var noted notes
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			payload := make([]byte, 100)
			for i := range records {
				if seq, err := j.AppendNoted(payload, &noted); err != nil || seq == 0 {
					t.Errorf("record %d: %v", seq, err)
					return
				}
				if i%10 == 0 {
					j.Hold(func(last uint64) {
						if n := uint64(len(noted.seqs)); n != last {
							t.Errorf("%d records are noted at the end of record %d", n, last)
						}
					})
				}
			}
		})
	}
	all.Wait()
	for i, seq := range noted.seqs {
		if seq != uint64(i)+1 {
			t.Fatalf("record %d is noted as number %d", seq, i+1)
		}
	}
	if len(noted.seqs) != writers*records {
		t.Fatalf("%d records are noted", len(noted.seqs))
	}
	if _, err := j.AppendNoted(make([]byte, 1<<16), &noted); err == nil || len(noted.seqs) != writers*records {
		t.Errorf("a record that is refused (%v) is noted", err)
	}
}
