package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
)

// Where the stream of a duel listens. Kafka has the port behind its own, too.
const (
	kafkaPort     = "18496"
	questdbPort   = "18498"
	streamAddress = "127.0.0.1:18499"
	sinkAddress   = "127.0.0.1:18500"
	streamCore    = "1"
)

// jars is where `make stream-up` has them, too.
const jars = ".run/tools/stream"

// prepareStream gets Kafka and QuestDB, if a duel needs them.
func (s *duelSettings) prepareStream(ctx context.Context) error {
	if !slices.ContainsFunc(s.duels, func(d duel) bool { return d.sides[1].stream }) {
		return nil
	}
	if err := s.build(ctx, "./tools/dev/stream"); err != nil {
		return err
	}
	return execute(ctx, s.path("stream"), "fetch", "-jars", jars)
}

// startStream carries the events of a server that runs to a Kafka and a QuestDB of their own.
func (s *duelSettings) startStream(ctx context.Context, l *lineup) error {
	folder := s.path("stream-data")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	kafka, questdb := "127.0.0.1:"+kafkaPort, "127.0.0.1:"+questdbPort
	for _, p := range []struct {
		name, address, program string
		args                   []string
	}{
		{"kafka", kafka, "stream", []string{"kafka", "-jars", jars, "-dir", filepath.Join(folder, "kafka"), "-port", kafkaPort}},
		{"questdb", questdb, "stream", []string{"questdb", "-jars", jars, "-dir", filepath.Join(folder, "questdb"), "-port", questdbPort}},
		{"sink", sinkAddress, "isuride", []string{"sink", "-kafka", kafka, "-questdb", "http://" + questdb, "-internal", sinkAddress}},
		{"stream", streamAddress, "isuride", []string{"stream", "-kafka", kafka, "-server", "http://" + ownAddress,
			"-token", s.path("data/operator-token"), "-internal", streamAddress}},
	} {
		v, err := listen(on(ctx, streamCore, s.path(p.program), p.args...), p.name, p.address, s.path(p.name+".log"))
		if err != nil {
			return err
		}
		l.stream = append(l.stream, v)
	}
	return nil
}

// streamed is an error if a stream has brought nothing to QuestDB: its run would say nothing.
func (l *lineup) streamed() error {
	if l.stream == nil {
		return nil
	}
	answer, err := http.Get("http://" + sinkAddress + "/metrics")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(text, []byte("\nisuride_sink_rows_total "))
	var rows int64
	if _, err := fmt.Sscan(string(rest), &rows); err != nil || rows == 0 {
		return errors.New("the stream has brought no row to QuestDB; see sink.log and stream.log")
	}
	return nil
}
