package servertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// trafficVariable names a folder. If it is set, every call of the package's clients is
// recorded there, for tools/dev/traffic to compare with openapi.yaml.
const trafficVariable = "ISURIDE_TEST_TRAFFIC"

// Exchange is a call with its answer, as a line of JSON. Streams have no body.
type Exchange struct {
	Test     string      `json:"test"` // package that made the call
	Method   string      `json:"method"`
	Target   string      `json:"target"` // path and query
	Request  []byte      `json:"request,omitempty"`
	Header   http.Header `json:"header"` // of the request
	Status   int         `json:"status"`
	Answer   http.Header `json:"answer"` // header of the answer
	Response []byte      `json:"response,omitempty"`
}

// recorded returns a transport whose calls are recorded, if that is wanted.
func recorded(next http.RoundTripper) http.RoundTripper {
	folder := os.Getenv(trafficVariable)
	if folder == "" || os.Getenv(AsServer) != "" {
		return next
	}
	wd, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s-%d.jsonl", filepath.Base(wd), os.Getpid())))
	if err != nil {
		panic(err)
	}
	return &recorder{next: next, test: filepath.Base(wd), file: f}
}

type recorder struct {
	next http.RoundTripper
	test string

	mu   sync.Mutex
	file *os.File // guarded by mu; closed with the process
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	e := Exchange{Test: r.test, Method: req.Method, Target: req.URL.RequestURI(), Header: req.Header.Clone()}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		e.Request, req.Body = body, io.NopCloser(bytes.NewReader(body))
	}
	res, err := r.next.RoundTrip(req)
	if err != nil {
		return res, err
	}
	e.Status, e.Answer = res.StatusCode, res.Header.Clone()
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		if e.Response, err = io.ReadAll(res.Body); err != nil {
			return nil, err
		}
		res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(e.Response))
	}
	return res, r.write(&e)
}

func (r *recorder) write(e *Exchange) error {
	if !strings.HasPrefix(e.Target, "/api/") {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = r.file.Write(append(line, '\n'))
	return err
}
