package nginx_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
)

// What nginx logs of good and odd requests is read by alp and grouped by our patterns. A
// request that nginx did not understand has no path in the log; alp leaves it out.
func TestAccessLogTable(t *testing.T) {
	s := prepare(t, echo)
	s.launch(t, []string{"NGINX_ACCESS_LOG=" + s.path("access.log")})
	const end = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	for _, request := range []string{
		"GET /api/app/rides?a=\"\\" + end, "GET /api/app/rides" + end,
		"POST /api/app/rides/01JDFEDF00B09BNMV8MP0RB34G/evaluation" + end,
		"POST /api/chair/rides/01JDFEDF00B09BNMV8MP0RB34G/status" + end, "POST /api/chair/rides/01JDFEDF00B09BNMV8MP0RB34H/status" + end,
		"GET /api/internal/matching" + end, "GET /assets/index-1a2b.js" + end, "GET /images/a.png" + end, "GET /\xff" + end,
		"GET /old\r\n", "GET /bad HTTP/1.1\r\nContent-Length: x\r\n\r\n", "nonsense\r\n\r\n",
	} {
		conn := s.dial(t)
		fmt.Fprint(conn, request)
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatalf("%q: %v", request, err)
		}
	}
	s.stop() // writes what is still buffered

	want := strings.Split(`1 GET /%5CxFF
1 GET /api/internal/matching
1 GET /bad
1 GET /old
1 GET ^/assets/
1 GET ^/images/
1 POST ^/api/app/rides/[^/]+/evaluation$
2 GET /api/app/rides
2 POST ^/api/chair/rides/[^/]+/status$`, "\n")
	got := logTable(t, "access", s.path("access.log"), "--output", "count,method,uri")
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the table is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	same := logTable(t, "access", s.path("access.log"), s.path("access.log"))
	if len(same) != len(want) || strings.Contains(strings.Join(same, "\n"), "(+") {
		t.Errorf("a run compared with itself is\n%s", strings.Join(same, "\n"))
	}
}

// logTable returns the lines of a table without its head, with a space between columns.
func logTable(t *testing.T, args ...string) (lines []string) {
	t.Helper()
	cmd := bound.Command(t, "../scripts/log-table.sh", append(args, "--format", "tsv", "--noheaders")...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}
