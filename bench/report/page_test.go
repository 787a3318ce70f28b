package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"isuride/bench/live"
)

// TestPage checks the structure of pages: their contents, that they are well-formed, and
// that they load nothing from elsewhere.
func TestPage(t *testing.T) {
	behind := healthy(60, 10_000).Result
	behind.LateTicks = behind.Ticks
	for name, c := range map[string]struct {
		record   *Record
		sections []string
		charts   int
		texts    []string
	}{
		"healthy": {healthy(60, 10_000), []string{"conclusion", "tiles", "course", "latencies", "notifications", "rides", "facts"}, 8 + 2 + 5,
			[]string{"2,500,000", "The bench kept up", "GET /api/app/nearby-chairs", "user COMPLETED", "--load-timeout"}},
		"failed": {failed(), []string{"conclusion", "tiles", "errors", "course", "latencies", "notifications", "rides", "facts"}, 2 + 8 + 2 + 5,
			[]string{"code 34 (evaluated but not paid), tick 661", "42 with code 7, ride history failed or wrong", "critical", "<b>no</b> answer", "hidden in the text", "evaluated the ride  ride R1"}},
		"open loop": {opened(), []string{"conclusion", "tiles", "openloop", "course", "latencies", "notifications", "rides", "facts"}, 15,
			[]string{"2,012 rides due", "> 12,346", "9,000"}},
		"dear": {dear(), []string{"conclusion", "tiles", "course", "cycle", "latencies", "notifications", "rides", "facts"}, 17,
			[]string{"as dear as the official tool", "A chair from ride to ride", "0:01\nway 10.0\nacceptance 6.7\nwaiting 13.3", "burned"}},
		"unloaded":    {unloaded(), []string{"facts"}, 0, []string{"initializing: POST /api/initialize: status 404"}},
		"interrupted": {interrupted(), []string{"conclusion", "tiles", "course", "latencies", "notifications", "rides", "facts"}, 15, []string{"INTERRUPTED", "22,500"}},
		"behind":      {recordOf(&behind), []string{"conclusion", "tiles", "course", "latencies", "notifications", "rides", "facts"}, 15, []string{"not the limit of the server", "(100.0 %) late"}},
		"first second": {recordOf(&live.Result{Passed: true, Ticks: 1, Ratings: make([]int, 5), Series: []live.Sample{{Seconds: 0.01}}}),
			[]string{"conclusion", "tiles", "course", "rides", "facts"}, 8 + 3, []string{"PASS"}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.record.HTML(&b); err != nil {
				t.Fatal(err)
			}
			checkAlone(t, b.Bytes())
			p := parsePage(t, b.Bytes())
			if !slices.Equal(p.sections, c.sections) || p.charts != c.charts {
				t.Errorf("sections %q and %d charts, want %q and %d", p.sections, p.charts, c.sections, c.charts)
			}
			for _, want := range c.texts {
				if !strings.Contains(p.text, want) {
					t.Errorf("no %q", want)
				}
			}
		})
	}
}

// checkAlone fails if a page loads or runs anything, or has an invalid coordinate.
func checkAlone(t *testing.T, page []byte) {
	t.Helper()
	if found := regexp.MustCompile(`(?i)<script|<link|<iframe|<img|\b(src|href|action)=|url\(|@import|javascript:|ZgotmplZ|NaN|Inf[" ,]`).Find(page); found != nil {
		t.Errorf("the page has %q", found)
	}
	for _, coordinate := range regexp.MustCompile(` (?:[xywh]|[xy][12]|c[xy]|width|height)="(-[^"]*)"`).FindAllSubmatch(page, -1) {
		t.Errorf("a coordinate or size is %s", coordinate[1])
	}
}

type parsed struct {
	sections []string // their ids or classes
	charts   int
	text     string
}

// parsePage reads a page as XML, which it also is, after its first line.
func parsePage(t *testing.T, page []byte) (p parsed) {
	t.Helper()
	var text strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(page)); ; {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "section":
				p.sections = append(p.sections, sectionName(token.Attr))
			case "svg":
				p.charts++
			}
		case xml.CharData:
			text.Write(token)
		}
		if err == io.EOF {
			p.text = text.String()
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sectionName(attributes []xml.Attr) (name string) {
	for _, a := range attributes {
		if a.Name.Local == "id" || name == "" {
			name = a.Value
		}
	}
	return name
}

// TestHistogram checks that a long distribution keeps everything that was counted, in few
// columns.
func TestHistogram(t *testing.T) {
	for _, counts := range [][]int{{0, 5, 3}, hump(39, 1000), hump(400, 100_000), append(hump(100, 10_000), make([]int, 5000)...)} {
		total := 0
		for _, n := range counts {
			total += n
		}
		list := histogram(counts)
		got := 0.0
		for _, c := range list {
			got += c.Value
		}
		if int(got) != total || len(list) > maxColumns {
			t.Errorf("%d numbers: %d columns with %v of %d", len(counts), len(list), got, total)
		}
	}
	list := histogram(append(hump(100, 10_000), 0, 0, 1))
	if last := list[len(list)-1]; !strings.HasSuffix(last.Name, " up") || !strings.Contains(last.Tip, "to 102:") {
		t.Errorf("the last column is %+v", last)
	}
}

// TestRate checks that a short last interval does not look like a drop.
func TestRate(t *testing.T) {
	samples := healthy(10, 100).Series
	last := samples[len(samples)-1]
	last.Seconds += 0.01
	samples = append(samples, last)
	ticks := rate("ticks", func(s live.Sample) int { return s.Ticks }).of(samples)
	for i, v := range ticks {
		if v < 33 || v > 34 {
			t.Errorf("%v ticks per second at sample %d", v, i)
		}
	}
}
