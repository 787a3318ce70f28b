package verify

// The endpoints (S4.0).
const (
	initializePath  = "/api/initialize"
	usersPath       = "/api/app/users"
	paymentPath     = "/api/app/payment-methods"
	ridesPath       = "/api/app/rides"
	estimatePath    = "/api/app/rides/estimated-fare"
	userNoticePath  = "/api/app/notification"
	nearbyPath      = "/api/app/nearby-chairs"
	ownersPath      = "/api/owner/owners"
	salesPath       = "/api/owner/sales"
	fleetPath       = "/api/owner/chairs"
	chairsPath      = "/api/chair/chairs"
	activityPath    = "/api/chair/activity"
	positionPath    = "/api/chair/coordinate"
	chairNoticePath = "/api/chair/notification"
	matchingPath    = "/api/internal/matching"
)

func ratingPath(ride string) string { return ridesPath + "/" + ride + "/evaluation" }

func statusPath(ride string) string { return "/api/chair/rides/" + ride + "/status" }
