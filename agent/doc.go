// Package agent holds the domain types of pdvagent: money and quantities, documents, the job and its states, the change that
// the store commits as a whole, the outcome of one exchange with a cloud, alarms, and the two kinds of error. It does no
// work: it knows no file, no network and no clock, and imports only the standard library. Every other package uses it.
//
// Words of the domain:
//
//	till           a shop's point of sale (PDV), which calls the local API
//	cloud          a vendor's service: the loyalty club's, a payment provider's, a bank's
//	shopper        who buys; the vendor's "client"
//	member         a shopper whom the club knows by document
//	receipt        a sale; the vendor's "coupon" ([Sale], [KindCoupon]; not [Receipt], the answer to a submission)
//	session        one loyalty transaction, from start to confirm or cancel, named by its transaction_id
//	live call      a call of a till that waits for the cloud's answer: start, message, pre-apply, apply
//	contingency    an answer to a live call in the cloud's place
//	submission     a call of a till that ends in a job
//	job            one thing to send to the cloud, in the queue
//	kind           what a job is: a coupon, a confirm, a batch of products
//	state          where a job is: pending, sent, dead, held, annulled, discarded
//	held, dead     a job that waits for a person: not sent yet, or refused by the cloud
//	settled, final nothing is sent any more unless a person says so; no state follows
//	natural key    what makes two jobs the same one: a receipt's id, a session's id
//	fingerprint    hash of a body's canonical form: the same content has the same one
//	wire           the exact bytes that go up for a job
//	dialect        version of the vendor's routes: v2 or v2.2
//	void           a cancel by which the agent takes back a session of the cloud
//	load           records that go up in batches: products, operators, old receipts
//	link, circuit  whether the cloud answers the queue, and whether live calls are worth a try
package agent
