package wire

import (
	"testing"

	"isuride/webapp/isuride"
)

type plainHistoryChair struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	Name  string `json:"name"`
	Model string `json:"model"`
}

type plainHistoryRide struct {
	ID                    string            `json:"id"`
	PickupCoordinate      plainCoordinate   `json:"pickup_coordinate"`
	DestinationCoordinate plainCoordinate   `json:"destination_coordinate"`
	Fare                  int               `json:"fare"`
	Chair                 plainHistoryChair `json:"chair"`
	Evaluation            int               `json:"evaluation"`
	RequestedAt           int64             `json:"requested_at"`
	CompletedAt           int64             `json:"completed_at"`
}

type plainHistory struct {
	Rides []plainHistoryRide `json:"rides"`
}

func TestAppendHistory(t *testing.T) {
	for n := range 4 {
		dst := AppendHistoryOpen(nil)
		twin := plainHistory{Rides: []plainHistoryRide{}}
		for i := range n {
			r := HistoryRide{
				ID: "ride", Pickup: isuride.Coordinate{Latitude: int32(i), Longitude: -1 << 31}, Destination: isuride.Coordinate{Latitude: 7},
				Fare: 500 + i, ChairID: "chair", ChairOwner: awkward[i], ChairName: awkward[i+1], ChairModel: "model",
				Evaluation: i + 1, RequestedAt: 1732579200123456, CompletedAt: 1732579260123999,
			}
			dst = AppendHistoryRide(dst, &r)
			twin.Rides = append(twin.Rides, plainHistoryRide{
				r.ID, plainOfCoordinate(r.Pickup), plainOfCoordinate(r.Destination), r.Fare,
				plainHistoryChair{r.ChairID, r.ChairOwner, r.ChairName, r.ChairModel}, r.Evaluation, 1732579200123, 1732579260123,
			})
		}
		sameMembers(t, AppendHistoryClose(dst), twin)
	}
}
