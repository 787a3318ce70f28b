package api

import (
	"encoding/json"

	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
)

// statusOf is the one table from error codes to HTTP statuses.
var statusOf = map[isuride.Code]int{
	isuride.InvalidInput:  400,
	isuride.WrongState:    400,
	isuride.Unauthorized:  401,
	isuride.NotFound:      404,
	isuride.Conflict:      409,
	isuride.PaymentFailed: 502,
	isuride.Unavailable:   503,
}

// writeError answers with the error object of S4.0.
func writeError(ctx *httpd.Ctx, status int, message string) {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		panic("BUG: a string has no JSON form: " + err.Error())
	}
	ctx.SetStatus(status)
	ctx.SetHead(jsonHead)
	ctx.SetBody(body)
	ctx.AfterWrite(nil)
	ctx.Stream(nil)
}

// authScheme goes into answers of 401 (RFC 9110 11.6.1): schemes for which browsers ask
// nobody for a password.
const authScheme = `Session realm="isuride", Bearer realm="isuride"`

// internalError is all that callers learn about an internal error.
const internalError = "internal error"

// withID adds what finds the request in the server's log.
func withID(ctx *httpd.Ctx, message string) string {
	return message + " (request " + ctx.ID() + ")"
}

// WriteProtocolError writes the answer to a request that never became one, or whose
// handler panicked: the Error option of the HTTP server.
func WriteProtocolError(ctx *httpd.Ctx, status int, message string) {
	if status == 500 {
		message = withID(ctx, internalError)
	}
	writeError(ctx, status, message)
}
