package journal

// Grown returns a channel that is closed when a record is appended next. Take it first and
// look at Appended second.
func (j *Journal) Grown() <-chan struct{} { return j.growth.Next() }
