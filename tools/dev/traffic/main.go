// Command traffic compares recorded calls with an OpenAPI document: what a call that was
// taken has sent, and what every call was answered.
//
//	traffic -document webapp/docs/openapi.yaml FOLDER
//
// The folder has files with a line of JSON for each call, as webapp/servertest writes them
// when ISURIDE_TEST_TRAFFIC names one. It is a module of its own, because the validator needs
// as many modules as the whole server.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/errors"
)

func main() {
	document := flag.String("document", "webapp/docs/openapi.yaml", "the OpenAPI document")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "traffic: one folder with recorded calls is needed")
		os.Exit(2)
	}
	if err := run(os.Stdout, *document, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "traffic:", err)
		os.Exit(1)
	}
}

// exchange is a recorded call.
type exchange struct {
	Test, Method, Target string
	Request, Response    []byte
	Header, Answer       http.Header
	Status               int
}

func run(out io.Writer, document, folder string) error {
	c, err := newChecker(document)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := c.file(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return c.report(out)
}

// checker counts calls and keeps what is wrong with them, once for each kind.
type checker struct {
	validator validator.Validator
	seen      map[string]bool // calls that say nothing new
	calls     int
	taken     map[string]int // by operation, of those that were answered with 2xx
	wrong     map[string]int
}

func newChecker(document string) (*checker, error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %v", document, errs)
	}
	if ok, found := v.ValidateDocument(); !ok {
		return nil, fmt.Errorf("%s is no OpenAPI document: %s", document, describe(found))
	}
	return &checker{validator: v, seen: map[string]bool{}, taken: map[string]int{}, wrong: map[string]int{}}, nil
}

func (c *checker) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the last line is not whole: %w", err)
		}
		var e exchange
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		c.calls++
		if key := fmt.Sprint(e.Method, e.Target, e.Status, string(e.Request), string(e.Response)); !c.seen[key] {
			c.seen[key] = true
			c.check(&e)
		}
	}
}

// check validates the answer in any case, and what was sent if that was taken: a refusal
// answers to what the document does not allow.
func (c *checker) check(e *exchange) {
	req, err := http.NewRequest(e.Method, "http://localhost"+e.Target, bytes.NewReader(e.Request))
	if err != nil {
		c.add(e, "the target cannot be parsed: "+err.Error())
		return
	}
	for name, values := range e.Header {
		req.Header[name] = values
	}
	if len(e.Request) > 0 {
		req.Header.Set("Content-Type", "application/json") // bodies are JSON whatever this says
	}
	res := &http.Response{StatusCode: e.Status, Header: e.Answer, Body: io.NopCloser(bytes.NewReader(e.Response)), Request: req}
	if e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed {
		if ok, _ := c.validator.ValidateHttpRequest(clone(req, e.Request)); !ok && c.nowhere(e) {
			return // another path or method
		}
	}
	if e.Status/100 == 2 {
		c.taken[e.Method+" "+path(e.Target)]++
		if ok, found := c.validator.ValidateHttpRequest(clone(req, e.Request)); !ok {
			c.add(e, "it was taken, and the document does not allow it: "+describe(found))
		}
	}
	if strings.HasPrefix(e.Answer.Get("Content-Type"), "text/event-stream") {
		return
	}
	if ok, found := c.validator.ValidateHttpResponse(clone(req, e.Request), res); !ok {
		c.add(e, "the answer is not as described: "+describe(found))
	}
}

// nowhere says that a call was for no operation of the document.
func (c *checker) nowhere(e *exchange) bool {
	return bytes.Contains(e.Response, []byte("there is no endpoint")) || e.Status == http.StatusMethodNotAllowed
}

func clone(req *http.Request, body []byte) *http.Request {
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return again
}

func path(target string) string {
	p, _, _ := strings.Cut(target, "?")
	return p
}

func describe(found []*errors.ValidationError) string {
	var all []string
	for _, f := range found {
		text := f.Message + ": " + f.Reason
		for _, s := range f.SchemaValidationErrors {
			text += " (" + s.Reason + " at " + s.FieldPath + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func (c *checker) add(e *exchange, what string) {
	c.wrong[fmt.Sprintf("%s: %s %.100s with %.300s is answered %d %.300s\n    %s", e.Test, e.Method, e.Target, e.Request, e.Status, e.Response, what)]++
}

// atMost bounds what is told; one mistake of the document shows in many calls.
const atMost = 30

func (c *checker) report(out io.Writer) error {
	if c.calls == 0 {
		return fmt.Errorf("there are no recorded calls")
	}
	wrong := make([]string, 0, len(c.wrong))
	for text := range c.wrong {
		wrong = append(wrong, text)
	}
	slices.Sort(wrong)
	for _, text := range wrong[:min(len(wrong), atMost)] {
		fmt.Fprintln(out, text)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d different calls are not as the document says", len(wrong), len(c.seen))
	}
	fmt.Fprintf(out, "%d calls, %d of them different, are as the document says\n", c.calls, len(c.seen))
	return nil
}
