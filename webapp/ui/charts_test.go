package ui_test

import (
	"flag"
	"testing"

	"isuride/webapp/servertest"
)

var chartPictures = flag.String("charts", "", "`folder` for pictures of the page of charts, to look at")

// TestCharts has Chromium look at the page of charts, without QuestDB and with answers of its own; what
// QuestDB answers is webapp/questions' affair.
func TestCharts(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	folder := *chartPictures
	if folder == "" {
		folder = t.TempDir()
	}
	launch(t).play(t, servertest.New(t), "charts", folder)
}
