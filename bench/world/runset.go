package world

import "math/bits"

// A runSet holds the entities of one kind that want a turn, by index. It is walked in the
// order of creation, the order in which the official tool starts its tasks, and costs one
// bit per entity that does not want one.
type runSet struct{ words []uint64 }

func (s *runSet) add(i int32) {
	for int(i>>6) >= len(s.words) {
		s.words = append(s.words, 0)
	}
	s.words[i>>6] |= 1 << (i & 63)
}

// take calls f for each member in order and empties the set. f must not add to the set it
// is called from.
func (s *runSet) take(f func(i int32)) {
	for w := 0; w < len(s.words); w++ {
		word := s.words[w]
		s.words[w] = 0
		for word != 0 {
			b := bits.TrailingZeros64(word)
			word &= word - 1
			f(int32(w<<6 + b))
		}
	}
}
