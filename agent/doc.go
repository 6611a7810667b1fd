// Package agent holds the words of pdvagent: money and quantities, documents, the job and its states, the change that
// the store commits whole, the outcome of one exchange with a cloud, and the two kinds of error. It knows no file, no
// network and no clock, and imports only the standard library; every other package speaks in these words.
//
// Words that clash: the vendor's "coupon" is a receipt (our [Sale]), its "client" is the shopper, "loja" is the shop.
package agent
