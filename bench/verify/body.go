package verify

// The bodies of successful answers, as strict as the benchmarker (S4, B13.4).

func initialized(path string, v any) []string {
	return object(member{"language", text, false})(path, v)
}

func registeredUser(path string, v any) []string {
	return object(member{"id", text, false}, member{"invitation_code", text, false})(path, v)
}

func registeredOwner(path string, v any) []string {
	return object(member{"id", text, false}, member{"chair_register_token", text, false})(path, v)
}

func registeredChair(path string, v any) []string {
	return object(member{"id", text, false}, member{"owner_id", text, false})(path, v)
}

func estimateAnswer(path string, v any) []string {
	return object(member{"fare", integer, false}, member{"discount", integer, false})(path, v)
}

func rideAnswer(path string, v any) []string {
	return object(member{"ride_id", text, false}, member{"fare", integer, false})(path, v)
}

func ratingAnswer(path string, v any) []string {
	return object(member{"completed_at", integer, false})(path, v)
}

func positionAnswer(path string, v any) []string {
	return object(member{"recorded_at", integer, false})(path, v)
}

func historyAnswer(path string, v any) []string {
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

func nearbyAnswer(path string, v any) []string {
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

func fleetAnswer(path string, v any) []string {
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

func salesAnswer(path string, v any) []string {
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
