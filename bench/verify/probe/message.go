package probe

import "encoding/json"

// The statuses of a ride (S5.1).
const (
	Matching  = "MATCHING"
	Enroute   = "ENROUTE"
	Pickup    = "PICKUP"
	Carrying  = "CARRYING"
	Arrived   = "ARRIVED"
	Completed = "COMPLETED"
)

// A notice is a notification to either recipient, as far as it could be read.
type notice struct {
	RideID      string `json:"ride_id"`
	Status      string `json:"status"`
	Pickup      Point  `json:"pickup_coordinate"`
	Destination Point  `json:"destination_coordinate"`

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

// A Step is a status of a ride in a sequence of statuses.
type Step struct{ Ride, Status string }

// A Message is a notice as it came.
type Message struct {
	notice
	Raw        string
	Null       bool // "no ride"
	Connection int  // counted from 1
}

func newMessage(raw string, connection int) Message {
	m := Message{Raw: raw, Null: raw == "null", Connection: connection}
	_ = json.Unmarshal([]byte(raw), &m.notice) // its shape is judged elsewhere
	return m
}
