package wire

import (
	"encoding/json"
	"testing"

	"isuride/tools/dev/allocs"
)

// hot lists what the load is made of. dst has room, as the buffers of a server do.
func hot() map[string]func(dst []byte) {
	user, chair := sampleUserNotification(), sampleChairNotification()
	identity := AppendChairIdentity(nil, user.Chair.ID, user.Chair.Name, user.Chair.Model)
	report := []byte(`{"latitude":-123,"longitude":456}`)
	return map[string]func(dst []byte){
		"AppendUserNotification":  func(dst []byte) { AppendUserNotification(dst, user) },
		"AppendChairNotification": func(dst []byte) { AppendChairNotification(dst, chair) },
		"AppendRecordedAt":        func(dst []byte) { AppendRecordedAt(dst, user.CreatedAt) },
		"AppendNearby30": func(dst []byte) {
			dst = AppendNearbyOpen(dst)
			for range 30 {
				dst = AppendNearbyChair(dst, identity, user.Pickup)
			}
			AppendNearbyClose(dst, user.CreatedAt)
		},
		"ParseCoordinate": func([]byte) { ParseCoordinate(report) },
	}
}

func TestNoAllocations(t *testing.T) {
	dst := make([]byte, 0, 16<<10)
	for name, f := range hot() {
		if n := allocs.PerRun(100, func() { f(dst) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkWire(b *testing.B) {
	dst := make([]byte, 0, 16<<10)
	for name, f := range hot() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(dst)
			}
		})
	}
}

// BenchmarkPlain is the twin of the largest message and of the most frequent one.
func BenchmarkPlain(b *testing.B) {
	twin := plainOfUserNotification(sampleUserNotification())
	b.Run("MarshalUserNotification", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&twin); err != nil {
				b.Fatal(err)
			}
		}
	})
	report := []byte(`{"latitude":-123,"longitude":456}`)
	b.Run("UnmarshalCoordinate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parsePlain[plainCoordinate](report); err != nil {
				b.Fatal(err)
			}
		}
	})
}
