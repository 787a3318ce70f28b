package payment

import "fmt"

// RefusedError is a final refusal: the gateway will give the same answer again. It does
// not mean that nothing is registered, because an earlier attempt may have been.
type RefusedError struct {
	Status int   // of the gateway's answer; 0 if the charge could not be sent at all
	Err    error // why it could not be sent; nil otherwise
}

func (e *RefusedError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("payment: not sent: %v", e.Err)
	}
	return fmt.Sprintf("payment: refused: %v", answerError(e.Status))
}

func (e *RefusedError) Unwrap() error { return e.Err }

// UnavailableError ends a charge without a final answer. Whether the payment is
// registered is unknown; only another charge with the same key can tell.
type UnavailableError struct {
	Attempts int   // made; 0 if another charge with this key took all the time
	Err      error // of the last attempt
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("payment: unknown outcome after %d attempts: %v", e.Attempts, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }
