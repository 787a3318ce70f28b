package world

import (
	"fmt"
	"slices"
)

// A Code numbers a kind of error (B12.2).
type Code int

const (
	CodeUnclassified        Code = 0
	CodePosition            Code = 1
	CodeDepart              Code = 2
	CodeAccept              Code = 3
	CodeEvaluation          Code = 5
	CodeEvaluationTimeout   Code = 6
	CodeHistory             Code = 7
	CodeRideRequest         Code = 8
	CodeUserWithoutRide     Code = 9
	CodeChairWithoutRide    Code = 10
	CodeUserTransition      Code = 11
	CodeEarlyCompleted      Code = 12
	CodeActivation          Code = 13
	CodeSecondRide          Code = 15
	CodeUserRegistration    Code = 17
	CodeOwnerRegistration   Code = 18
	CodeChairRegistration   Code = 19
	CodePaymentRegistration Code = 21
	CodeSalesRequest        Code = 22
	CodeSales               Code = 24
	CodeOwnerChairsRequest  Code = 25
	CodeOwnerChairs         Code = 26
	CodeNearbyStale         Code = 27
	CodeChairNotification   Code = 29
	CodeNearby              Code = 30
	CodeNearbyMissing       Code = 31
	CodeMatchingTimeout     Code = 32
	CodeUserNotification    Code = 33
	CodeUnpaid              Code = 34
	CodePayment             Code = 35
)

// Critical reports whether one error of this kind ends the run.
func (c Code) Critical() bool {
	switch c {
	case CodeEvaluationTimeout, CodeUserWithoutRide, CodeChairWithoutRide, CodeUserTransition, CodeEarlyCompleted,
		CodeSecondRide, CodeMatchingTimeout, CodeUnpaid, CodePayment:
		return true
	}
	return false
}

var codeTexts = [...]string{
	CodeUnclassified:        "unclassified",
	CodePosition:            "chair position not accepted",
	CodeDepart:              "departure not accepted",
	CodeAccept:              "acceptance of a ride not accepted",
	CodeEvaluation:          "evaluation failed",
	CodeEvaluationTimeout:   "evaluation timed out",
	CodeHistory:             "ride history failed or wrong",
	CodeRideRequest:         "fare estimate wrong or ride not created",
	CodeUserWithoutRide:     "user without a ride got a status",
	CodeChairWithoutRide:    "chair without a ride got COMPLETED",
	CodeUserTransition:      "impossible status for the user",
	CodeEarlyCompleted:      "COMPLETED for a ride that is not completed",
	CodeActivation:          "chair activation failed",
	CodeSecondRide:          "chair got another ride before COMPLETED",
	CodeUserRegistration:    "user registration failed",
	CodeOwnerRegistration:   "owner registration failed",
	CodeChairRegistration:   "chair registration failed",
	CodePaymentRegistration: "payment method registration failed",
	CodeSalesRequest:        "owner sales failed",
	CodeSales:               "owner sales wrong",
	CodeOwnerChairsRequest:  "owner chair list failed",
	CodeOwnerChairs:         "owner chair list wrong",
	CodeNearbyStale:         "nearby position too old",
	CodeChairNotification:   "chair notification wrong",
	CodeNearby:              "nearby chairs failed or wrong",
	CodeNearbyMissing:       "nearby chairs incomplete",
	CodeMatchingTimeout:     "no ENROUTE within 30 s",
	CodeUserNotification:    "user notification wrong",
	CodeUnpaid:              "evaluated but not paid",
	CodePayment:             "wrong payment",
}

// String is the meaning of the code in a few words.
func (c Code) String() string { return codeTexts[c] }

// ErrorLimit is the number of counted errors that a run survives: it ends at the next one
// (B12.1).
const ErrorLimit = 200

// examplesPerCode is the number of complaints of each code that keep their text and
// timeline.
const examplesPerCode = 5

// A Complaint is one counted error.
type Complaint struct {
	Code     Code
	At       Instant
	Tick     int
	Entity   Entity
	Text     string
	Timeline []string // what the entity did before, oldest first; only in kept examples
}

func (c Complaint) Error() string {
	return fmt.Sprintf("code %d (%v), tick %d, %v: %s", c.Code, c.Code, c.Tick, c.Entity, c.Text)
}

// An ErrorLog counts the errors of a run and decides when there are too many (B12.1).
type ErrorLog struct {
	total    int
	counts   map[Code]int
	examples map[Code][]Complaint
	fatal    error

	benchFaults  int
	benchExample error
}

func newErrorLog() *ErrorLog {
	return &ErrorLog{counts: map[Code]int{}, examples: map[Code][]Complaint{}}
}

// Total is the number of counted errors.
func (l *ErrorLog) Total() int { return l.total }

// Count is the number of errors of one code.
func (l *ErrorLog) Count(c Code) int { return l.counts[c] }

// Codes returns the codes that occurred, in order.
func (l *ErrorLog) Codes() []Code {
	var codes []Code
	for c := range l.counts {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}

// Examples returns the first complaints of a code, at most a handful.
func (l *ErrorLog) Examples(c Code) []Complaint { return l.examples[c] }

// Fatal is the condition that ends the run, nil while there is none (B1.7). The first one
// stays.
func (l *ErrorLog) Fatal() error { return l.fatal }

// BenchFaults counts failures that were the bench's own, with one of them as an example.
// They are no errors of the server.
func (l *ErrorLog) BenchFaults() (n int, example error) { return l.benchFaults, l.benchExample }

// add counts c. The timeline is asked for only if c is kept.
func (l *ErrorLog) add(c Complaint, timeline func() []string) {
	l.total++
	l.counts[c.Code]++
	if len(l.examples[c.Code]) < examplesPerCode {
		c.Timeline = timeline()
		l.examples[c.Code] = append(l.examples[c.Code], c)
	}
	switch {
	case c.Code.Critical():
		l.fatal = c
	case l.total > ErrorLimit:
		l.fatal = fmt.Errorf("too many errors: %d, the last one %w", l.total, c)
	}
}

// addPayment records a wrong payment. It ends the run without being counted among the
// others (B11.4).
func (l *ErrorLog) addPayment(c Complaint, timeline func() []string) {
	c.Timeline = timeline()
	l.counts[CodePayment]++
	l.examples[CodePayment] = append(l.examples[CodePayment], c)
	l.fatal = c
}

func (l *ErrorLog) addBenchFault(err error) {
	l.benchFaults++
	if l.benchExample == nil {
		l.benchExample = err
	}
}
