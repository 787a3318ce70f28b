package probe

// The bodies of successful answers, as strict as the benchmarker (S4, B13.4).

func Initialized(path string, v any) []string {
	return object(member{"language", text, false})(path, v)
}

func RegisteredUser(path string, v any) []string {
	return object(member{"id", text, false}, member{"invitation_code", text, false})(path, v)
}

func RegisteredOwner(path string, v any) []string {
	return object(member{"id", text, false}, member{"chair_register_token", text, false})(path, v)
}

func RegisteredChair(path string, v any) []string {
	return object(member{"id", text, false}, member{"owner_id", text, false})(path, v)
}

func EstimateAnswer(path string, v any) []string {
	return object(member{"fare", integer, false}, member{"discount", integer, false})(path, v)
}

func RideAnswer(path string, v any) []string {
	return object(member{"ride_id", text, false}, member{"fare", integer, false})(path, v)
}

func RatingAnswer(path string, v any) []string {
	return object(member{"completed_at", integer, false})(path, v)
}

func PositionAnswer(path string, v any) []string {
	return object(member{"recorded_at", integer, false})(path, v)
}

func HistoryAnswer(path string, v any) []string {
	return object(member{"rides", list(object(
		member{"id", text, false},
		member{"pickup_coordinate", coordinate, false},
		member{"destination_coordinate", coordinate, false},
		member{"fare", integer, false},
		member{"chair", object(
			member{"id", text, false},
			member{"owner", text, false},
			member{"name", text, false},
			member{"model", text, false},
		), false},
		member{"evaluation", integer, false},
		member{"requested_at", integer, false},
		member{"completed_at", integer, false},
	)), false})(path, v)
}

func NearbyAnswer(path string, v any) []string {
	return object(
		member{"chairs", list(object(
			member{"id", text, false},
			member{"name", text, false},
			member{"model", text, false},
			member{"current_coordinate", coordinate, false},
		)), false},
		member{"retrieved_at", integer, false},
	)(path, v)
}

func FleetAnswer(path string, v any) []string {
	return object(member{"chairs", list(object(
		member{"id", text, false},
		member{"name", text, false},
		member{"model", text, false},
		member{"active", boolean, false},
		member{"registered_at", integer, false},
		member{"total_distance", integer, false},
		member{"total_distance_updated_at", integer, true},
	)), false})(path, v)
}

func SalesAnswer(path string, v any) []string {
	return object(
		member{"total_sales", integer, false},
		member{"chairs", list(object(
			member{"id", text, false},
			member{"name", text, false},
			member{"sales", integer, false},
		)), false},
		member{"models", list(object(
			member{"model", text, false},
			member{"sales", integer, false},
		)), false},
	)(path, v)
}

// UserNotice and chairNotice are the payloads of S6.2.
func UserNotice(path string, v any) []string {
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

func ChairNotice(path string, v any) []string {
	return object(
		member{"ride_id", text, false},
		member{"user", object(member{"id", text, false}, member{"name", text, false}), false},
		member{"pickup_coordinate", coordinate, false},
		member{"destination_coordinate", coordinate, false},
		member{"status", text, false},
	)(path, v)
}

// envelope is what a poll answers.
func envelope(data Shape) Shape {
	return object(member{"data", nullable(data), true}, member{"retry_after_ms", integer, true})
}

// Anything is a shape for what is judged elsewhere.
func Anything(string, any) []string { return nil }
