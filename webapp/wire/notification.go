package wire

import (
	"strconv"

	"isuride/webapp/isuride"
)

// UserNotification is a user's notification about a ride (S6.2). Chair is nil until one
// is assigned.
type UserNotification struct {
	RideID               string
	Pickup, Destination  isuride.Coordinate
	Fare                 int // yen, discounted
	Status               isuride.Status
	Chair                *NotifiedChair
	CreatedAt, UpdatedAt isuride.Time
}

// NotifiedChair is the chair of a ride with its stats (S6.3): the number of rides
// it completed and the sum of their evaluations.
type NotifiedChair struct {
	ID, Name, Model           string
	RidesCount, EvaluationSum int
}

// AppendUserNotification appends n.
func AppendUserNotification(dst []byte, n *UserNotification) []byte {
	dst = append(dst, `{"ride_id":`...)
	dst = appendString(dst, n.RideID)
	dst = appendRoute(dst, n.Pickup, n.Destination)
	dst = append(dst, `,"fare":`...)
	dst = appendInt(dst, n.Fare)
	dst = appendStatus(dst, n.Status)
	if n.Chair != nil { // absent, never null (trap T2)
		dst = appendChair(dst, n.Chair)
	}
	dst = append(dst, `,"created_at":`...)
	dst = appendMilli(dst, n.CreatedAt)
	dst = append(dst, `,"updated_at":`...)
	dst = appendMilli(dst, n.UpdatedAt)
	return append(dst, '}')
}

func appendChair(dst []byte, c *NotifiedChair) []byte {
	dst = append(dst, `,"chair":{"id":`...)
	dst = appendString(dst, c.ID)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, c.Name)
	dst = append(dst, `,"model":`...)
	dst = appendString(dst, c.Model)
	dst = append(dst, `,"stats":{"total_rides_count":`...)
	dst = appendInt(dst, c.RidesCount)
	dst = append(dst, `,"total_evaluation_avg":`...)
	dst = appendMean(dst, c.EvaluationSum, c.RidesCount)
	return append(dst, `}}`...)
}

// meanDigits are the decimals of an average. Clients compare with a tolerance of 0.01;
// a fixed number takes half the time of the shortest exact form.
const meanDigits = 6

// appendMean appends sum/n, and 0 without rides: the member must be there (trap T1).
func appendMean(dst []byte, sum, n int) []byte {
	if n == 0 {
		return append(dst, '0')
	}
	return strconv.AppendFloat(dst, float64(sum)/float64(n), 'f', meanDigits, 64)
}

// ChairNotification is a chair's notification about a ride (S6.2).
type ChairNotification struct {
	RideID                              string
	UserID, UserFirstname, UserLastname string
	Pickup, Destination                 isuride.Coordinate
	Status                              isuride.Status
}

// AppendChairNotification appends n.
func AppendChairNotification(dst []byte, n *ChairNotification) []byte {
	dst = append(dst, `{"ride_id":`...)
	dst = appendString(dst, n.RideID)
	dst = append(dst, `,"user":{"id":`...)
	dst = appendString(dst, n.UserID)
	dst = append(dst, `,"name":`...)
	dst = appendFullName(dst, n.UserFirstname, n.UserLastname)
	dst = append(dst, '}')
	dst = appendRoute(dst, n.Pickup, n.Destination)
	dst = appendStatus(dst, n.Status)
	return append(dst, '}')
}

// appendFullName joins two JSON strings with one space by overwriting the quotes
// between them, so that the joined name never exists.
func appendFullName(dst []byte, first, last string) []byte {
	dst = appendString(dst, first)
	gap := len(dst) - 1
	dst = appendString(dst[:gap], last)
	dst[gap] = ' '
	return dst
}

func appendRoute(dst []byte, pickup, destination isuride.Coordinate) []byte {
	dst = append(dst, `,"pickup_coordinate":`...)
	dst = appendCoordinate(dst, pickup)
	dst = append(dst, `,"destination_coordinate":`...)
	return appendCoordinate(dst, destination)
}

func appendStatus(dst []byte, s isuride.Status) []byte {
	dst = append(dst, `,"status":"`...)
	dst = append(dst, s.String()...)
	return append(dst, '"')
}
