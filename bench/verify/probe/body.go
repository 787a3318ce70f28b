package probe

// The bodies of successful answers (S4) and of notices (S6.2), as strict as the
// benchmarker's decoder (B13.4).

// InitializeAnswer is that of POST /api/initialize.
func InitializeAnswer() Shape { return object(texts("language")) }

// UserAnswer is that of a user's registration.
func UserAnswer() Shape { return object(texts("id", "invitation_code")) }

// OwnerAnswer is that of an owner's registration.
func OwnerAnswer() Shape { return object(texts("id", "chair_register_token")) }

// ChairAnswer is that of a chair's registration.
func ChairAnswer() Shape { return object(texts("id", "owner_id")) }

// EstimateAnswer is a fare that was only asked for.
func EstimateAnswer() Shape { return object(integers("fare", "discount")) }

// RideAnswer is that of a ride request.
func RideAnswer() Shape { return object(texts("ride_id"), integers("fare")) }

// RatingAnswer is that of the rating which completes a ride.
func RatingAnswer() Shape { return object(integers("completed_at")) }

// PositionAnswer is that of a chair's report.
func PositionAnswer() Shape { return object(integers("recorded_at")) }

// HistoryAnswer lists a user's rides.
func HistoryAnswer() Shape {
	return object(one("rides", list(object(
		texts("id"),
		coordinates("pickup_coordinate", "destination_coordinate"),
		integers("fare"),
		one("chair", object(texts("id", "owner", "name", "model"))),
		integers("evaluation", "requested_at", "completed_at"),
	))))
}

// NearbyAnswer lists free chairs.
func NearbyAnswer() Shape {
	return object(
		one("chairs", list(object(texts("id", "name", "model"), coordinates("current_coordinate")))),
		integers("retrieved_at"),
	)
}

// FleetAnswer lists an owner's chairs.
func FleetAnswer() Shape {
	return object(one("chairs", list(object(
		texts("id", "name", "model"),
		one("active", boolean),
		integers("registered_at", "total_distance"),
		optional("total_distance_updated_at", integer),
	))))
}

// SalesAnswer has an owner's sales.
func SalesAnswer() Shape {
	return object(
		integers("total_sales"),
		one("chairs", list(object(texts("id", "name"), integers("sales")))),
		one("models", list(object(texts("model"), integers("sales")))),
	)
}

// UserNotice is a notice to a user.
func UserNotice() Shape {
	return object(
		texts("ride_id"),
		coordinates("pickup_coordinate", "destination_coordinate"),
		integers("fare"),
		texts("status"),
		optional("chair", object(
			texts("id", "name", "model"),
			one("stats", object(integers("total_rides_count"), one("total_evaluation_avg", number))),
		)),
		integers("created_at", "updated_at"),
	)
}

// ChairNotice is a notice to a chair.
func ChairNotice() Shape {
	return object(
		texts("ride_id"),
		one("user", object(texts("id", "name"))),
		coordinates("pickup_coordinate", "destination_coordinate"),
		texts("status"),
	)
}

// envelope is the answer to a poll.
func envelope(data Shape) Shape {
	return object(optional("data", nullable(data)), optional("retry_after_ms", integer))
}

// Anything fits a value that is judged elsewhere.
func Anything(string, any) []string { return nil }
