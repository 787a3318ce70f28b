package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"isuride/webapp/internal/flight"
)

// keepTraces starts the flight recorder. The function that it returns reports a slow
// request, and keeps the trace of the last seconds in a file. Without ISURIDE_SLOW nothing
// is recorded, and the function is nil.
func keepTraces(ctx context.Context, cfg config, recorder *flight.Recorder, log *slog.Logger) (
	onSlow func(request, endpoint string, took time.Duration), err error) {
	if cfg.slow == 0 {
		return nil, nil
	}
	if err := recorder.Start(); err != nil {
		return nil, fmt.Errorf("ISURIDE_SLOW: %w", err)
	}
	k := flight.NewKeeper(recorder, cfg.data, log)
	go k.Run(ctx)
	return k.Slow, nil
}
