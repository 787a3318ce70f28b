// Package replica keeps the journals of several servers equal, so that what one of them has
// acknowledged survives its machine: one Raft group (go.etcd.io/raft/v3), whose log is the
// journal itself.
//
// An entry is one group commit: the records that were appended since the last one, ended by a
// mark. The leader seals the next entry when the last one is acknowledged or a place in the
// window is free; nothing lingers. No record is held twice: raft handles entries without
// content, and the content is read from the log when a message leaves.
//
// The package has three layers.
//
//   - Core is one member without goroutines, clock and sockets: frames and ticks go in, frames
//     come out. Disk and images are reached through Log and Snapshots. The simulation
//     (webapp/simulate) drives exactly this code.
//   - Node is the goroutine that drives a Core in real time.
//   - Transport carries frames between members, over TCP.
//
// What a member promises to the others is argued in doubt.go: a member that may have forgotten
// what it had acknowledged neither votes nor counts until it has caught up.
//
// The package leaves to the journal what records are, to engine what is done with committed
// ones and on a change of roles, and to api who may call.
package replica
