package wire

import (
	"testing"

	"isuride/webapp/isuride"
)

func TestAppendNearby(t *testing.T) {
	for n := range 4 {
		dst := AppendNearbyOpen(nil)
		twin := plainNearby{Chairs: []plainNearbyChair{}, RetrievedAt: 1732579200123}
		for i := range n {
			name, at := awkward[i], isuride.Coordinate{Latitude: int32(i), Longitude: -1 << 31}
			dst = AppendNearbyChair(dst, AppendChairIdentity(nil, "id", name, "model"), at)
			twin.Chairs = append(twin.Chairs, plainNearbyChair{"id", name, "model", plainOfCoordinate(at)})
		}
		sameMembers(t, AppendNearbyClose(dst, 1732579200123999), twin)
	}
}

// FuzzAppendNearby: in particular, a name that ends like the begin of the list does
// not confuse the commas.
func FuzzAppendNearby(f *testing.F) {
	f.Add("01JDFEDF00B09BNMV8MP0RB34G", "椅子[", `a "model"`, int32(5), int32(-7))
	f.Fuzz(func(t *testing.T, id, name, model string, latitude, longitude int32) {
		at := isuride.Coordinate{Latitude: latitude, Longitude: longitude}
		identity := AppendChairIdentity(nil, id, name, model)
		dst := AppendNearbyChair(AppendNearbyChair(AppendNearbyOpen(nil), identity, at), identity, at)
		chair := plainNearbyChair{id, name, model, plainOfCoordinate(at)}
		sameMembers(t, AppendNearbyClose(dst, 0), plainNearby{Chairs: []plainNearbyChair{chair, chair}})
	})
}
