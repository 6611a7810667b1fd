// Package store is the one place on disk for what must not be lost: one bbolt file, one goroutine that commits, one
// encrypted and checksummed envelope around every value. A caller hands in an [agent.Change]; when [Store.Commit] returns
// nil all of it is on disk, after a refusal nothing. Nothing is acknowledged to a till before that.
//
// It knows jobs, records and bytes, not what they mean, and neither a till nor a cloud. Loyalty, sender, the payment and the
// load packages write and read through interfaces of their own; till/api and the commands read. It calls package osfile,
// and its own parts: commit (groups), envelope (values), keyring (keys), salvage (damaged files).
//
// Files in the folder: pdvagent.db, keys.json, spool/ for bodies over 256 KiB; catalog.db, which can be lost; backup/ and
// salvage/. store.md describes them.
package store
