// Package web is the HTTP side of the local API, without its routes: the listeners on loopback, the chain of checks that
// every request passes (security.md), the decoding of a body, and errors as application/problem+json. The order of the
// checks: limits, remote address is loopback, Host, browser headers, preflight, route, token and scope, body type and size,
// handler.
//
// It does not know what a route does: package api (agent/till/api) hands the routes in as a table, and cmd/internal/app
// makes the server. It calls no other part of the agent; each exchange goes to Config.Observe.
package web
