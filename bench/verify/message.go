package verify

import (
	"encoding/json"
	"time"
)

// The statuses of a ride (S5.1).
const (
	matching  = "MATCHING"
	enroute   = "ENROUTE"
	pickup    = "PICKUP"
	carrying  = "CARRYING"
	arrived   = "ARRIVED"
	completed = "COMPLETED"
)

// A notice is a notification as both recipients get it, as far as it could be read.
type notice struct {
	RideID      string `json:"ride_id"`
	Status      string `json:"status"`
	Pickup      point  `json:"pickup_coordinate"`
	Destination point  `json:"destination_coordinate"`

	// Only users get these.
	Fare      int          `json:"fare"`
	Chair     *noticeChair `json:"chair"`
	CreatedAt int64        `json:"created_at"`
	UpdatedAt int64        `json:"updated_at"`

	// Only chairs get this.
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
}

type noticeChair struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Model string `json:"model"`
	Stats struct {
		Rides   int     `json:"total_rides_count"`
		Average float64 `json:"total_evaluation_avg"`
	} `json:"stats"`
}

// A message is a notice as it came.
type message struct {
	notice
	raw        string
	null       bool // "no ride"
	connection int  // counted from 1
	at         time.Time
}

func newMessage(raw string, connection int) message {
	m := message{raw: raw, null: raw == "null", connection: connection, at: time.Now()}
	_ = json.Unmarshal([]byte(raw), &m.notice) // what is wrong with it is judged by shape
	return m
}

// userNotice and chairNotice are the payloads of S6.2.
func userNotice(path string, v any) []string {
	return object(
		member{"ride_id", text, false},
		member{"pickup_coordinate", coordinate, false},
		member{"destination_coordinate", coordinate, false},
		member{"fare", integer, false},
		member{"status", text, false},
		member{"chair", object(
			member{"id", text, false},
			member{"name", text, false},
			member{"model", text, false},
			member{"stats", object(
				member{"total_rides_count", integer, false},
				member{"total_evaluation_avg", number, false},
			), false},
		), true},
		member{"created_at", integer, false},
		member{"updated_at", integer, false},
	)(path, v)
}

func chairNotice(path string, v any) []string {
	return object(
		member{"ride_id", text, false},
		member{"user", object(member{"id", text, false}, member{"name", text, false}), false},
		member{"pickup_coordinate", coordinate, false},
		member{"destination_coordinate", coordinate, false},
		member{"status", text, false},
	)(path, v)
}

// envelope is what a poll answers.
func envelope(data shape) shape {
	return object(member{"data", nullable(data), true}, member{"retry_after_ms", integer, true})
}

// anything is a shape for what is judged elsewhere.
func anything(string, any) []string { return nil }
