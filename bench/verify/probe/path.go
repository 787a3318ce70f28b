package probe

// The endpoints (S4.0).
const (
	InitializePath  = "/api/initialize"
	UsersPath       = "/api/app/users"
	PaymentPath     = "/api/app/payment-methods"
	RidesPath       = "/api/app/rides"
	EstimatePath    = "/api/app/rides/estimated-fare"
	UserNoticePath  = "/api/app/notification"
	NearbyPath      = "/api/app/nearby-chairs"
	OwnersPath      = "/api/owner/owners"
	SalesPath       = "/api/owner/sales"
	FleetPath       = "/api/owner/chairs"
	ChairsPath      = "/api/chair/chairs"
	ActivityPath    = "/api/chair/activity"
	PositionPath    = "/api/chair/coordinate"
	ChairNoticePath = "/api/chair/notification"
	MatchingPath    = "/api/internal/matching"
)

// RatingPath is the endpoint that rates a ride.
func RatingPath(ride string) string { return RidesPath + "/" + ride + "/evaluation" }

// StatusPath is the endpoint that sets the status of a ride.
func StatusPath(ride string) string { return "/api/chair/rides/" + ride + "/status" }
