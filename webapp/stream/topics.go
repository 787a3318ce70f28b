package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The topics. A message is a frame of the feed.
const (
	// Events has everything but reports of positions. The key is the region, so that each
	// region's order is kept.
	Events = "isuride.events"
	// Positions has the reports of positions, by chair.
	Positions = "isuride.positions"
	// Cursor has, by region, the position in the log up to which the other two are complete.
	// It is compacted.
	Cursor = "isuride.cursor"
	// Dead has messages that a sink has set aside, with the reason.
	Dead = "isuride.dead"
)

// topic says how one is made, if it is not there.
type topic struct {
	name       string
	partitions int32
	configs    map[string]*string
}

// Kept is how much of a topic's partition stays, in bytes: hours of a busy city.
var (
	keptText = "1073741824"
	compact  = "compact"
	topics   = [...]topic{
		{Events, 1, map[string]*string{"retention.bytes": &keptText}},
		{Positions, 4, map[string]*string{"retention.bytes": &keptText}},
		{Cursor, 1, map[string]*string{"cleanup.policy": &compact}},
		{Dead, 1, nil},
	}
)

// ensureTopics makes what is not there. A topic of another partition count works, as long as
// that stays: keys decide. It is named, since it may have been made by mistake.
func ensureTopics(ctx context.Context, client *kgo.Client, log *slog.Logger) error {
	admin := kadm.NewClient(client)
	there, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list the broker's topics: %w", err)
	}
	for _, t := range topics {
		if d, ok := there[t.name]; ok && d.Err == nil {
			if n := len(d.Partitions); n != int(t.partitions) {
				log.Warn("a topic has another number of partitions than it is made with; it is used as it is, and must not be changed while messages of it are on their way",
					"topic", t.name, "partitions", n, "made with", t.partitions)
			}
			continue
		}
		if _, err := admin.CreateTopic(ctx, t.partitions, -1, t.configs, t.name); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make the topic %s: %w", t.name, err)
		}
	}
	return nil
}
