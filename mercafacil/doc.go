// Package mercafacil speaks the loyalty cloud's wire (contracts/mercafacil.md): the two dialects as data, the client
// that delivers one body to one route, and the reading of a till's receipt. It keeps nothing and repeats nothing:
// package sender does, from disk. Bodies travel as they came; only named tokens are read or set.
package mercafacil
