// Package wire turns the hot messages of the API into JSON and back by hand: the position
// report, nearby chairs, the two notifications and a user's history. They make up nearly
// all of the load, and here they cost no allocation.
//
// An Append function appends to dst and returns the grown slice; it allocates only when
// dst is too small.
//
// It leaves to others: HTTP, the messages that are not hot (encoding/json does them in
// package api), and every rule about what the values mean.
package wire
