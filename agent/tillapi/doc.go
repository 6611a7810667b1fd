// Package tillapi is the routes of the local API (till-api.md): decode, one use case, encode; a file per resource. All
// routes stand in [Routes], and the only table from an error's code to an HTTP status stands beside it. It decides
// nothing about sales: loyalty does, and the queue is the store's.
package tillapi
