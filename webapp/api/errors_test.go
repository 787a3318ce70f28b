package api

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
)

// answerTo returns the caller's answer when a handler ends with this error, and the log.
func answerTo(t *testing.T, err error) (answer, log string) {
	t.Helper()
	var b bytes.Buffer
	a := &API{opt: Options{Log: slog.New(slog.NewTextHandler(&b, nil))}}
	conn := &memoryConn{request: []byte("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"), left: 1, closed: make(chan struct{})}
	httpd.New(func(ctx *httpd.Ctx) { a.fail(ctx, err) }, httpd.Options{}).Serve(&memoryListener{conn: conn})
	return string(conn.last), b.String()
}

// TestInnerErrorsStayInside: whatever the code, and however wrapped, the cause is told to
// the log and to nobody else.
func TestInnerErrorsStayInside(t *testing.T) {
	const secret = "dial tcp 10.1.2.3:22: banner of a host"
	cause := errors.New(secret)
	inner := []error{cause, fmt.Errorf("step: %w", cause)}
	for code := range statusOf {
		because := isuride.Because(cause, code, "a fixed text")
		inner = append(inner, because, fmt.Errorf("step %s: %w", secret, because))
	}
	for _, err := range inner {
		answer, log := answerTo(t, err)
		if !strings.Contains(answer, `{"message":`) || strings.Contains(answer, "10.1.2.3") {
			t.Errorf("%v is answered with %s", err, answer)
		}
		if strings.HasPrefix(answer, "HTTP/1.1 5") && (!strings.Contains(log, secret) || !strings.Contains(answer, "(request ")) {
			t.Errorf("%v: the log has %q for the answer %s", err, log, answer)
		}
	}
}

// TestUnauthorizedNamesAScheme is RFC 9110 11.6.1; the scheme is none for which a browser
// would ask for a password.
func TestUnauthorizedNamesAScheme(t *testing.T) {
	answer, _ := answerTo(t, isuride.Errorf(isuride.Unauthorized, "who is it?"))
	if !strings.HasPrefix(answer, "HTTP/1.1 401 Unauthorized\r\n") || !strings.Contains(answer, "\r\nWWW-Authenticate: Session realm=\"isuride\", Bearer realm=\"isuride\"\r\n") {
		t.Errorf("the answer is %s", answer)
	}
}
