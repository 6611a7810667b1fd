// Package simkit is what the simulated clouds share: a clock that can be moved, faults that are played on a route, a log of
// the requests that came, settings, JSON schemas, and the control routes for all of these.
//
// It has no vendor's routes, bodies or rules. A simulator brings them, with its spelling of an error ([Dialect]), and mounts
// its control API ([Control]) beside its cloud. A simulator of payments takes a [Kit], which joins the parts; one whose
// requests are logged or answered in another way takes the parts. Everything stays in memory.
//
// The simulators call it (mercafacil/mercafacilsim and those below payments). It calls none of our packages.
package simkit
