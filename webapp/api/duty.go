package api

import "isuride/webapp/admission"

// duty says what an endpoint is worth to a server that is short of something. docs/overload.md
// has the reasons.
type duty struct {
	class admission.Class // of a caller with the right to it, see admit.go
	by    string          // the cookie of its session, anySession, or "" without one
	// writes is set if its changes may be refused while the tables trail the log by too much.
	writes bool
	// concerns lets only those into class A who have admitted work; others go to class B. nil for all.
	concerns func(caller) bool
}

// anySession stands for the cookie, or the bearer token, of an account of any kind.
const anySession = "any"

// duties has a row for each endpoint: TestEveryEndpointHasADuty. What has none is of class C, as
// files are.
var duties = map[string]duty{
	"POST /api/initialize":       {class: admission.A}, // one at a time, see engine
	"GET /api/internal/matching": {class: admission.A}, // from this machine only

	"GET /api/app/notification":                {class: admission.A, by: userSession},
	"POST /api/app/rides/{ride_id}/evaluation": {class: admission.A, by: userSession, concerns: caller.hasRide},
	"GET /api/chair/notification":              {class: admission.A, by: chairSession},
	"POST /api/chair/rides/{ride_id}/status":   {class: admission.A, by: chairSession, concerns: caller.busy},
	"POST /api/chair/coordinate":               {class: admission.A, by: chairSession, writes: true, concerns: caller.busy},
	"POST /api/chair/activity":                 {class: admission.A, by: chairSession}, // see admitSwitchingOn
	"POST /api/app/rides":                      {class: admission.B, by: userSession, writes: true},
	"POST /api/app/payment-methods":            {class: admission.B, by: userSession, writes: true}, // the end of a registration
	// A WebSocket has notifications, too. Tables are refused one by one, see realtime.subscribe.
	"GET /api/realtime":                  {class: admission.A, by: anySession},
	"GET /api/feed":                      {class: admission.C},
	"GET /api/operator/questions":        {class: admission.C},
	"GET /api/operator/answers":          {class: admission.C},
	"POST /api/app/users":                {class: admission.C, writes: true},
	"POST /api/owner/owners":             {class: admission.C, writes: true},
	"POST /api/chair/chairs":             {class: admission.C, writes: true},
	"GET /api/app/rides":                 {class: admission.C, by: userSession},
	"GET /api/app/nearby-chairs":         {class: admission.C, by: userSession},
	"POST /api/app/rides/estimated-fare": {class: admission.C, by: userSession},
	"GET /api/owner/sales":               {class: admission.C, by: ownerSession},
	"GET /api/owner/chairs":              {class: admission.C, by: ownerSession},
}
