// Package loyalty decides what a till's loyalty calls mean: whether a call repeats or contradicts an earlier one, whether a
// sale is valid, which jobs follow, and what the till is answered when the cloud is away. It writes each decision as one
// change, so that a till's 2xx is on disk first. It knows neither HTTP nor bbolt, and delivers no job.
//
// till/api calls Accept, Talk, Session and what support needs (Retry, Repair, Discard, Forget); package sender calls Prepare
// for the bytes of a first attempt; a routine calls Sweep. It calls the store and the cloud through interfaces of its own,
// package mercafacil for the wire formats and package basket for the arithmetic of discounts.
package loyalty
