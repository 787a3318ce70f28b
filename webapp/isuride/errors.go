package isuride

import "fmt"

// Code classifies an error that a caller can cause; package api holds the one table
// from codes to HTTP statuses.
type Code uint8

const (
	// InvalidInput: a value is missing, of the wrong form or out of range.
	InvalidInput Code = iota + 1
	// Unauthorized: no session, or one that nobody has.
	Unauthorized
	// NotFound: the thing named does not exist, or not for this caller.
	NotFound
	// Conflict: the caller already has what can exist only once.
	Conflict
	// WrongState: the ride is not in a state that allows the call.
	WrongState
	// PaymentFailed: the gateway did not take the money; nothing changed.
	PaymentFailed
	// Unavailable: the server cannot record the change now (stopping, being
	// initialised, or its disk is full); nothing changed.
	Unavailable
)

// Error is a domain error: its message is meant for the caller and names the field or
// thing it is about. Callers are not trusted, so the message never holds the text of
// another error, which may name files and hosts; that is the cause, for the log alone.
type Error struct {
	Code    Code
	Message string
	Cause   error // nil if there is none
}

// Error returns message and cause, for the log.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because makes an Error whose cause is for the log alone.
func Because(cause error, code Code, message string) error {
	return &Error{Code: code, Message: message, Cause: cause}
}
