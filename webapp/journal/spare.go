package journal

import "fmt"

// makeLoop makes spare segments ahead of the need, so that appenders need not.
func (j *Journal) makeLoop() {
	defer close(j.makeDone)
	for {
		select {
		case <-j.lowSpare:
			// An error comes up again, and is returned, where an appender needs the segment.
			_ = j.makeSpare()
		case <-j.closing:
			return
		}
	}
}

// makeSpare makes the spare segment unless there is one.
func (j *Journal) makeSpare() error {
	j.making.Lock()
	defer j.making.Unlock()
	if there, err := j.hasSpare(); there || err != nil {
		return err
	}
	s, err := j.newSegment()
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spare = s
	return nil
}

func (j *Journal) hasSpare() (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.spare != nil, j.refused
}

// newSegment makes a segment of zeros. Nobody else makes one meanwhile.
func (j *Journal) newSegment() (*segment, error) {
	if !j.synced() {
		return anonymousSegment(j.segmentBytes)
	}
	s, err := createSegment(j.dir, j.ordinal, j.segmentBytes, j.sys)
	if isFull(err) {
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: make a segment: %w", err)
	}
	j.ordinal++
	return s, nil
}

// dropSpare removes the spare segment for good: nobody makes one after Close has begun.
func (j *Journal) dropSpare() error {
	j.making.Lock()
	defer j.making.Unlock()
	j.mu.Lock()
	spare := j.spare
	j.spare = nil
	j.mu.Unlock()
	if spare == nil {
		return nil
	}
	return spare.remove()
}

// notify puts a token into a channel that has room for one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
