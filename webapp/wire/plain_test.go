package wire

// The plain twins: the same messages by encoding/json, slow and obviously right.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"isuride/webapp/isuride"
)

type plainCoordinate struct {
	Latitude  int32 `json:"latitude"`
	Longitude int32 `json:"longitude"`
}

type plainRecordedAt struct {
	RecordedAt int64 `json:"recorded_at"`
}

type plainNearbyChair struct {
	ID                string          `json:"id"`
	Name              string          `json:"name"`
	Model             string          `json:"model"`
	CurrentCoordinate plainCoordinate `json:"current_coordinate"`
}

type plainNearby struct {
	Chairs      []plainNearbyChair `json:"chairs"`
	RetrievedAt int64              `json:"retrieved_at"`
}

type plainStats struct {
	TotalRidesCount    int         `json:"total_rides_count"`
	TotalEvaluationAvg json.Number `json:"total_evaluation_avg"`
}

type plainChair struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Model string     `json:"model"`
	Stats plainStats `json:"stats"`
}

type plainUserNotification struct {
	RideID                string          `json:"ride_id"`
	PickupCoordinate      plainCoordinate `json:"pickup_coordinate"`
	DestinationCoordinate plainCoordinate `json:"destination_coordinate"`
	Fare                  int             `json:"fare"`
	Status                string          `json:"status"`
	Chair                 *plainChair     `json:"chair,omitempty"`
	CreatedAt             int64           `json:"created_at"`
	UpdatedAt             int64           `json:"updated_at"`
}

type plainUser struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type plainChairNotification struct {
	RideID                string          `json:"ride_id"`
	User                  plainUser       `json:"user"`
	PickupCoordinate      plainCoordinate `json:"pickup_coordinate"`
	DestinationCoordinate plainCoordinate `json:"destination_coordinate"`
	Status                string          `json:"status"`
}

type plainPoll[T any] struct {
	Data         *T  `json:"data"`
	RetryAfterMS int `json:"retry_after_ms"`
}

func plainOfCoordinate(c isuride.Coordinate) plainCoordinate {
	return plainCoordinate{c.Latitude, c.Longitude}
}

func plainOfUserNotification(n *UserNotification) plainUserNotification {
	p := plainUserNotification{
		RideID:                n.RideID,
		PickupCoordinate:      plainOfCoordinate(n.Pickup),
		DestinationCoordinate: plainOfCoordinate(n.Destination),
		Fare:                  n.Fare,
		Status:                n.Status.String(),
		CreatedAt:             n.CreatedAt.Milli(),
		UpdatedAt:             n.UpdatedAt.Milli(),
	}
	if c := n.Chair; c != nil {
		p.Chair = &plainChair{ID: c.ID, Name: c.Name, Model: c.Model, Stats: plainStats{TotalRidesCount: c.RidesCount}}
		if c.RidesCount != 0 {
			mean := fmt.Sprintf("%.6f", float64(c.EvaluationSum)/float64(c.RidesCount))
			p.Chair.Stats.TotalEvaluationAvg = json.Number(mean)
		}
	}
	return p
}

func plainOfChairNotification(n *ChairNotification) plainChairNotification {
	return plainChairNotification{
		RideID:                n.RideID,
		User:                  plainUser{ID: n.UserID, Name: n.UserFirstname + " " + n.UserLastname},
		PickupCoordinate:      plainOfCoordinate(n.Pickup),
		DestinationCoordinate: plainOfCoordinate(n.Destination),
		Status:                n.Status.String(),
	}
}

// decode is as strict as the clients are: no member too many, nothing after it.
func decode[T any](t *testing.T, body []byte) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("something follows the value in %s", body)
	}
	return v
}

// sameMembers compares what a client sees, and which members, with the twin.
func sameMembers[T any](t *testing.T, got []byte, twin T) {
	t.Helper()
	decode[T](t, got)
	want, err := json.Marshal(twin)
	if err != nil {
		t.Fatal(err)
	}
	if g, w := decode[any](t, got), decode[any](t, want); !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.ContainsAny(string(got), "\r\n") {
		t.Errorf("more than one line: %q", got)
	}
}

// parsePlain decodes with encoding/json.
func parsePlain[T any](body []byte) (v T, err error) {
	err = json.Unmarshal(body, &v)
	return v, err
}
