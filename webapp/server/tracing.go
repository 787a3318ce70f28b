package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"isuride/webapp/internal/flight"
)

// keepTraces has the trace of the last seconds recorded, and kept in a file when the
// function that it returns is told of a slow request. If slow requests are of no interest
// nothing is recorded, and there is no function.
func keepTraces(ctx context.Context, cfg config, recorder *flight.Recorder, log *slog.Logger) (func(request, endpoint string, took time.Duration), error) {
	if cfg.slow == 0 {
		return nil, nil
	}
	if err := recorder.Start(); err != nil {
		return nil, fmt.Errorf("ISURIDE_SLOW: %w", err)
	}
	k := flight.NewKeeper(recorder, cfg.traces, log)
	go k.Run(ctx)
	return k.Slow, nil
}
