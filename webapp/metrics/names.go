package metrics

import "github.com/prometheus/client_golang/prometheus"

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("isuride_"+name, help, labels, nil)
}

// All metrics. Base units are seconds and bytes.
var (
	httpRequests           = newDesc("http_requests_total", "Requests answered.", "endpoint", "status")
	httpRequestDuration    = newDesc("http_request_duration_seconds", "From a complete request to the last byte of its answer in the socket, without streams.", "endpoint")
	httpConnections        = newDesc("http_connections", "Connections open, streams included.")
	httpConnectionsMax     = newDesc("http_connections_max", "Connections that may be open at once.")
	httpAnswersWaiting     = newDesc("http_answers_waiting_bytes", "Memory of answers that wait for their readers.")
	httpAnswersCut         = newDesc("http_answers_cut_total", "Answers cut off since too many bytes waited for slow readers.")
	httpConnectionsRefused = newDesc("http_connections_refused_total", "Connections that had to leave for new ones, since no more could be open.")

	shed           = newDesc("shed_total", "Requests refused since the server was short of something, by class and reason.", "class", "reason")
	shedShare      = newDesc("shed_share", "Share of the sessions whose requests of a class are refused now.", "class")
	cpuPressure    = newDesc("cpu_pressure_seconds_total", "Time in which anything of the service, or the machine, had to wait for a processor; 0 if the kernel does not tell.")
	admissionDelay = newDesc("admission_delay_seconds", "Least time that anything has waited to be looked at, in the last 20 ms, by where that was seen.", "source")

	streamsOpen       = newDesc("streams_open", "Notification streams open.", "recipient")
	notificationsSent = newDesc("notifications_sent_total", "Notifications in the socket.", "recipient")
	notificationDelay = newDesc("notification_delay_seconds", "From a change to its notification's last byte in the socket, on streams open at the change.", "recipient")

	feedConnections   = newDesc("feed_connections", "Connections to the feed open.")
	feedSubscriptions = newDesc("feed_subscriptions", "Subscriptions of the feed.")
	feedBehind        = newDesc("feed_behind", "Events not yet handed out to the feed's readers.")
	feedFrames        = newDesc("feed_frames_total", "Frames that the feed's readers took.")
	feedBytes         = newDesc("feed_bytes_total", "Bytes of these frames.")
	feedPartials      = newDesc("feed_partials_total", "Partials begun.")
	feedDropped       = newDesc("feed_dropped_total", "Times that what waited for a slow reader of the feed was given up.")
	feedCut           = newDesc("feed_cut_total", "Connections to the feed ended since their readers were too slow.")

	users          = newDesc("users", "Users registered.")
	rides          = newDesc("rides", "Rides not completed, by state.", "state")
	chairs         = newDesc("chairs", "Chairs, by state.", "state")
	rideOldestWait = newDesc("ride_oldest_wait_seconds", "Age of the oldest ride without a chair.")
	ridesRequested = newDesc("rides_requested_total", "Rides requested.")
	ridesMatched   = newDesc("rides_matched_total", "Rides that got a chair.")
	ridesCompleted = newDesc("rides_completed_total", "Rides paid and completed.")

	matchRounds      = newDesc("match_rounds_total", "Rounds of matching with at least a ride and a chair.")
	matchRoundTime   = newDesc("match_round_seconds", "Time of such a round.")
	matchRoundRides  = newDesc("match_round_rides", "Rides that the latest round began with, summed over the regions.")
	matchRoundChairs = newDesc("match_round_chairs", "Chairs that the latest round began with, summed over the regions.")
	matchPickup      = newDesc("match_pickup_seconds_total", "Seconds that the chairs matched need to the pickup place.")

	journalAppended      = newDesc("journal_appended_total", "Events recorded.")
	journalAppendedBytes = newDesc("journal_appended_bytes_total", "Bytes of the events recorded.")
	journalSynced        = newDesc("journal_synced_total", "Events that are safe from power loss.")
	journalUnsynced      = newDesc("journal_unsynced", "Events that are not yet safe from power loss.")
	journalSegments      = newDesc("journal_segments_bytes", "Bytes that the journal takes on the disk.")
	journalKept          = newDesc("journal_kept_bytes", "Bytes of these that are kept although the database has their events.")
	journalOldest        = newDesc("journal_oldest", "Number of the oldest event that the journal has.")

	flushBacklog = newDesc("flush_backlog", "Events not yet in the database.")
	flushLag     = newDesc("flush_lag_seconds", "Age of the oldest event not yet in the database.")
	flushBatches = newDesc("flush_batches_total", "Transactions written into the database.")
	flushRows    = newDesc("flush_rows_total", "Rows written into the database.")
	flushRetries = newDesc("flush_retries_total", "Attempts to write repeated after an error.")
	flushLevel   = newDesc("flush_level", "1 for how full the journal is of what the database lacks.", "level")
	flushCutRows = newDesc("flush_batch_rows", "Rows that a transaction may have.")
	flushTime    = newDesc("flush_seconds", "Time of a transaction, without attempts that failed.")

	snapshots     = newDesc("snapshots_total", "Snapshots of the state, by what became of them.", "result")
	snapshotAge   = newDesc("snapshot_age_seconds", "Age of the last snapshot; 0 without one.")
	snapshotBytes = newDesc("snapshot_bytes", "Size of the last snapshot.")
	snapshotTime  = newDesc("snapshot_seconds", "Time that writing it took, rests included; 0 if an earlier process has written it.")
	snapshotTail  = newDesc("snapshot_tail_bytes", "Bytes of the journal since the last snapshot, which a restart would replay.")
	stateCounts   = newDesc("state_counts_total", "Full counts of the state in memory, by how they compare with what its events say.", "result")

	replicaRole       = newDesc("replica_role", "1 for what the server is in its group: leader, standby, candidate, learner or witness.", "role")
	replicaTerm       = newDesc("replica_term", "The latest term that the server has heard of.")
	replicaDoubt      = newDesc("replica_in_doubt", "1 while the server does not count, since it may have forgotten what it has acknowledged.")
	replicaLeader     = newDesc("replica_leader_known", "1 while the server knows who leads.")
	replicaCommitted  = newDesc("replica_committed", "Number of the last event that a majority has, as far as the server knows.")
	replicaLag        = newDesc("replica_lag", "Committed events that are not in the server's state.")
	replicaBehind     = newDesc("replica_behind_seconds", "From the leader's clock to this server's at an event, once a second.")
	replicaPeerBehind = newDesc("replica_peer_behind", "Events of the leader that another server is not known to have.", "peer")
	replicaWait       = newDesc("replica_wait_seconds", "Wait of answers and notifications for a majority.")
	replicaChanges    = newDesc("replica_changes_total", "Times that this server began to lead, or ceased to.", "change")
	replicaPromotion  = newDesc("replica_promotion_seconds", "Time that the last promotion took, from the election to open doors.")
	replicaHashes     = newDesc("replica_hashes_total", "Comparisons of the state with the leader's, by their outcome.", "result")

	refusedRows      = newDesc("refused_rows", "Rows that the database refuses, kept beside their tables.")
	positionsDeleted = newDesc("positions_deleted_total", "Rows of old positions that were replaced by their sums.")

	auditClosed     = newDesc("audit_closed", "1 while the books are closed because of a violation, else 0.")
	auditViolations = newDesc("audit_violations_total", "Contradictions in the books that were found.")
	auditRecounts   = newDesc("audit_recounts_total", "Whole recounts of the books.")
	auditAge        = newDesc("audit_recount_age_seconds", "Time since the last whole recount ended; 0 before the first one.")
	auditTime       = newDesc("audit_recount_seconds", "Time that it worked, without its rests.")
	auditGateway    = newDesc("audit_gateway_total", "Users whose payments the gateway was asked for, by result.", "result")
	auditYen        = newDesc("audit_yen", "Balance of an account of the books, in yen.", "account")

	paymentAttempts   = newDesc("payment_attempts_total", "Attempts to charge, by the gateway's answer.", "result")
	paymentInProgress = newDesc("payment_in_progress", "Charges under way.")

	generation  = newDesc("generation", "Number of the generation: grows with each initialize.")
	initializes = newDesc("initializes_total", "Calls to initialize that were carried out or failed, by result.", "result")
	logErrors   = newDesc("log_errors_total", "Errors logged, with those held back.")
	buildInfo   = newDesc("build_info", "1, with the revision that the server was built from.", "revision")
)

// all are the metrics, for Describe.
var all = []*prometheus.Desc{
	httpRequests, httpRequestDuration, httpConnections, httpConnectionsMax, httpConnectionsRefused, httpAnswersWaiting, httpAnswersCut,
	shed, shedShare, admissionDelay, cpuPressure,
	streamsOpen, notificationsSent, notificationDelay,
	feedConnections, feedSubscriptions, feedBehind, feedFrames, feedBytes, feedPartials, feedDropped, feedCut,
	streamMessages, streamTransactions, streamFailures, streamSnapshots, streamBroken, streamSeq,
	users, rides, chairs, rideOldestWait, ridesRequested, ridesMatched, ridesCompleted,
	matchRounds, matchRoundTime, matchRoundRides, matchRoundChairs, matchPickup,
	journalAppended, journalAppendedBytes, journalSynced, journalUnsynced, journalSegments, journalKept, journalOldest,
	flushBacklog, flushLag, flushBatches, flushRows, flushRetries, flushLevel, flushCutRows, flushTime, refusedRows, positionsDeleted,
	replicaRole, replicaTerm, replicaDoubt, replicaLeader, replicaCommitted, replicaLag, replicaBehind, replicaPeerBehind, replicaWait, replicaChanges,
	replicaPromotion, replicaHashes,
	snapshots, snapshotAge, snapshotBytes, snapshotTime, snapshotTail, stateCounts,
	auditClosed, auditViolations, auditRecounts, auditAge, auditTime, auditGateway, auditYen,
	paymentAttempts, paymentInProgress,
	generation, initializes, logErrors, buildInfo,
}
