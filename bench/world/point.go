package world

// distance is the Manhattan distance, the only one there is.
func (p Point) distance(q Point) int { return abs(int(p.X)-int(q.X)) + abs(int(p.Y)-int(q.Y)) }

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

func sign(n int32) int32 {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// idealTicks is ceil(distance/speed): the fewest steps that cover the distance.
func idealTicks(distance, speed int) int { return (distance + speed - 1) / speed }
