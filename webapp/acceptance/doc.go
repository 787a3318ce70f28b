// Package acceptance tests the rules of the server (webapp/docs/rules.md, list in appendix
// D) over real HTTP, on SQLite and on MySQL. A test names the line of the list and the
// chapter that it proves.
//
// Kills and faults are in webapp/crash; configuration, start and stop in webapp/server.
package acceptance
