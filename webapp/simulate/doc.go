// Package simulate runs a whole cluster in one goroutine, in time of its own: several members
// with the real core of replica and the real state, on disks, networks and machines that fail
// as a seed says, with riders who write down what they were told. Afterwards, and all along,
// it is checked that the promises hold. The same seed is the same story, event by event.
//
// What is real: replica.Core and its frames, the journal with its recovery, state with its verbs
// and its recovery, the events of isuride. What is simulated: time, the scheduler, the network,
// the disk under the journal, the payment gateway, the riders. What the engine does around them (one watermark, standby,
// promotion, deposition) is done by server in the shortest form.
//
// The package leaves real processes, sockets, files and databases to webapp/crash.
package simulate
