// Package store keeps what must not be lost: one bbolt file, one goroutine that commits, one encrypted and checksummed
// envelope around every value. A caller hands in an [agent.Change], which is on disk as a whole or not at all when
// [Store.Commit] returns nil; nothing may be acknowledged to a till before that. It knows jobs and bytes, not what they
// mean: loyalty writes, sender moves, tillapi shows.
//
// Files in the folder: pdvagent.db, keys.json, spool/ for bodies over 256 KiB.
package store
