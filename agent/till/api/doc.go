// Package api has the routes of the local API (till-api.md). A handler decodes the request, makes one call of a use case and
// encodes its answer; each resource has a file. [API.Routes] is the table of all routes, refusal.go the only table from an
// error's code to an HTTP status.
//
// It decides nothing about sales, payments or loads, and keeps no state. cmd/internal/app makes it and gives its routes to
// package web, which calls the handlers. It calls the use cases through the interfaces of [Config]: loyalty, sender and
// loads (Sales), checkout, settlement and cardorder (Paying), the packages of agent/ops (Support), and the store.
package api
