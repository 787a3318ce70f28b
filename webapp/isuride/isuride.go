// Package isuride is the domain of ISURIDE: the nouns and their rows, the ride's
// transition table, fares and coupons, the events that change the world, and the
// errors a caller can cause.
//
// It leaves everything else to others: no I/O, no locks, no clock, no JSON, no SQL.
// Package state keeps the live tables, journal the bytes of the events, sqlstore the
// rows.
package isuride
