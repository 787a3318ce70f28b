package stream_test

import (
	"flag"
	"os"
	"testing"

	"isuride/webapp/servertest"
)

// atOnce is how many tests run in parallel: they wait for Kafka and QuestDB, not for a processor.
const atOnce = "8"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	code := servertest.Main(m)
	shared.end()
	os.Exit(code)
}
