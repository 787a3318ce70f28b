package wire

import (
	"testing"

	"isuride/webapp/isuride"
)

func sampleUserNotification() *UserNotification {
	return &UserNotification{
		RideID:      "01JDM0N9W89PK57C7XEVGD5C80",
		Pickup:      isuride.Coordinate{Latitude: 10, Longitude: -20},
		Destination: isuride.Coordinate{Latitude: 310, Longitude: 295},
		Fare:        4300,
		Status:      isuride.Carrying,
		Chair: &NotifiedChair{
			ID: "01JDFEDF00B09BNMV8MP0RB34G", Name: "ergonomic 17", Model: "リラックスシート NEO", RidesCount: 7, EvaluationSum: 30,
		},
		CreatedAt: 1732579200123456,
		UpdatedAt: 1732579204987654,
	}
}

func sampleChairNotification() *ChairNotification {
	return &ChairNotification{
		RideID:        "01JDM0N9W89PK57C7XEVGD5C80",
		UserID:        "01JDK5EFNGT8ZHMTQXQ4BNH8NQ",
		UserFirstname: "Ann", UserLastname: "Lee",
		Pickup:      isuride.Coordinate{Latitude: 10, Longitude: -20},
		Destination: isuride.Coordinate{Latitude: 310, Longitude: 295},
		Status:      isuride.Matching,
	}
}

func TestAppendUserNotification(t *testing.T) {
	n := sampleUserNotification()
	const want = `{"ride_id":"01JDM0N9W89PK57C7XEVGD5C80","pickup_coordinate":{"latitude":10,"longitude":-20},` +
		`"destination_coordinate":{"latitude":310,"longitude":295},"fare":4300,"status":"CARRYING",` +
		`"chair":{"id":"01JDFEDF00B09BNMV8MP0RB34G","name":"ergonomic 17","model":"リラックスシート NEO",` +
		`"stats":{"total_rides_count":7,"total_evaluation_avg":4.285714}},` +
		`"created_at":1732579200123,"updated_at":1732579204987}`
	if got := AppendUserNotification(nil, n); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestUserNotificationMembers: the chair is absent without one, the average there
// without rides (traps T1, T2).
func TestUserNotificationMembers(t *testing.T) {
	n := sampleUserNotification()
	n.Chair.RidesCount, n.Chair.EvaluationSum = 0, 0
	sameMembers(t, AppendUserNotification(nil, n), plainOfUserNotification(n))
	n.Chair = nil
	sameMembers(t, AppendUserNotification(nil, n), plainOfUserNotification(n))
}

func FuzzAppendUserNotification(f *testing.F) {
	f.Add("ride", "chair", `na"me`, "model", int32(1), int32(-2), 500, uint8(0), uint16(3), uint16(14), int64(1732579200123456))
	f.Add("", "", "", "", int32(0), int32(0), 0, uint8(5), uint16(0), uint16(0), int64(0))
	f.Add("half", "way", "between", "digits", int32(0), int32(0), 0, uint8(5), uint16(128), uint16(1), int64(-1))
	f.Fuzz(func(t *testing.T, ride, chair, name, model string, latitude, longitude int32, fare int, status uint8, count, sum uint16, at int64) {
		n := &UserNotification{
			RideID: ride, Fare: fare, Status: isuride.Matching + isuride.Status(status%6),
			Pickup: isuride.Coordinate{Latitude: latitude}, Destination: isuride.Coordinate{Longitude: longitude},
			Chair:     &NotifiedChair{ID: chair, Name: name, Model: model, RidesCount: int(count), EvaluationSum: int(sum)},
			CreatedAt: isuride.Time(at), UpdatedAt: isuride.Time(at / 2),
		}
		sameMembers(t, AppendUserNotification(nil, n), plainOfUserNotification(n))
	})
}

func TestAppendChairNotification(t *testing.T) {
	const want = `{"ride_id":"01JDM0N9W89PK57C7XEVGD5C80","user":{"id":"01JDK5EFNGT8ZHMTQXQ4BNH8NQ","name":"Ann Lee"},` +
		`"pickup_coordinate":{"latitude":10,"longitude":-20},"destination_coordinate":{"latitude":310,"longitude":295},"status":"MATCHING"}`
	if got := AppendChairNotification(nil, sampleChairNotification()); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzAppendChairNotification(f *testing.F) {
	f.Add("ride", "user", "Ann", "Lee", int32(1), int32(-2), uint8(3))
	f.Add("", "", "\"", "\\", int32(0), int32(0), uint8(0))
	f.Fuzz(func(t *testing.T, ride, user, first, last string, latitude, longitude int32, status uint8) {
		n := &ChairNotification{
			RideID: ride, UserID: user, UserFirstname: first, UserLastname: last,
			Pickup: isuride.Coordinate{Latitude: latitude}, Destination: isuride.Coordinate{Longitude: longitude},
			Status: isuride.Matching + isuride.Status(status%6),
		}
		sameMembers(t, AppendChairNotification(nil, n), plainOfChairNotification(n))
	})
}
