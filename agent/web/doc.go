// Package web is the front door of every listener of the agent: one chain that trusts nobody (security.md), the decoding
// of a body, and errors as application/problem+json. Order: limits, remote is loopback, Host, browser signals, preflight,
// route, token and scope, body type and size, handler. It knows no route's meaning; tillapi brings those.
package web
