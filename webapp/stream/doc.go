// Package stream carries what happens in the city out of it: the log to Apache Kafka, by a
// Producer, and from there to QuestDB, by a Sink. Each event arrives once, although both may
// be killed at any time, and so may the two servers.
//
// The producer follows the feed, frame by frame. What it sends and where it is in the log
// travel in one transaction, under one transactional id for a region: the next producer of
// the region fences this one, and begins where the last transaction ended. The sink writes
// rows whose key follows from the event alone, so that rows which come again replace
// themselves, and moves on only when QuestDB has taken them.
//
// The package knows neither the journal nor HTTP servers: where frames come from is a Source.
// What is asked of the rows in QuestDB is left to others. docs/stream.md describes topics,
// tables, and what happens when something fails.
package stream
