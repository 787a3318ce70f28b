package wire

import (
	"strconv"

	"isuride/webapp/isuride"
)

// The answer of S4.10 is built in pieces, so that a list of chairs never has to
// exist:
//
//	dst = AppendNearbyOpen(dst)
//	for each chair { dst = AppendNearbyChair(dst, identity, position) }
//	dst = AppendNearbyClose(dst, now)

// AppendChairIdentity appends what never changes in a listed chair, up to its first
// number: rendered once a chair, copied into every list.
func AppendChairIdentity(dst []byte, id, name, model string) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, id)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, name)
	dst = append(dst, `,"model":`...)
	dst = appendString(dst, model)
	return append(dst, `,"current_coordinate":{"latitude":`...)
}

// AppendNearbyOpen begins the answer.
func AppendNearbyOpen(dst []byte) []byte { return append(dst, `{"chairs":[`...) }

// AppendNearbyChair appends a chair to a list that AppendNearbyOpen began; identity
// comes from AppendChairIdentity.
func AppendNearbyChair(dst, identity []byte, position isuride.Coordinate) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	dst = append(dst, identity...)
	dst = strconv.AppendInt(dst, int64(position.Latitude), 10)
	dst = append(dst, `,"longitude":`...)
	dst = strconv.AppendInt(dst, int64(position.Longitude), 10)
	return append(dst, `}}`...)
}

// AppendNearbyClose ends the answer.
func AppendNearbyClose(dst []byte, retrievedAt isuride.Time) []byte {
	dst = append(dst, `],"retrieved_at":`...)
	dst = appendMilli(dst, retrievedAt)
	return append(dst, '}')
}
