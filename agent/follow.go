package agent

// Step is what package sender does with a due job, given its relatives.
type Step int

// The steps.
const (
	Go    Step = iota // send it
	Wait              // a relative must settle first
	Annul             // what it would cancel never reached the cloud
)

// Follow decides what a due job waits for (till-api.md, "What follows what"):
//
//	a coupon           waits while the confirm of its session is pending
//	a cancellation     waits while its coupon is pending, or held where it may have been sent before;
//	                   goes when the coupon was sent, or was never seen here;
//	                   is annulled when the coupon is dead, annulled or discarded without having reached the cloud
//	a batch            waits while the one before it is pending: what is newer must arrive later
//	everything else    waits for nothing
//
// relatives are the jobs of the same session and receipt, or the batch before it; the job itself may be among them. The
// second result is the number of the job that it waits for.
func Follow(job Job, relatives []Job) (Step, uint64) {
	switch job.Kind {
	case KindCoupon:
		for _, other := range relatives {
			if other.Kind == KindConfirm && other.Session == job.Session && other.Status.State == Pending {
				return Wait, other.Seq
			}
		}
	case KindCouponCancellation:
		return followCoupon(job, relatives)
	case KindProducts, KindOperators, KindCouponsList:
		for _, other := range relatives {
			if other.Kind == job.Kind && other.Unique == job.After && other.Status.State == Pending {
				return Wait, other.Seq
			}
		}
	}
	return Go, 0
}

func followCoupon(job Job, relatives []Job) (Step, uint64) {
	step := Go
	for _, other := range relatives {
		if other.Kind != KindCoupon || other.Coupon != job.Coupon {
			continue
		}
		switch other.Status.State {
		case Sent:
			return Go, 0
		case Pending:
			return Wait, other.Seq
		case Held:
			if other.Status.Reason != ReasonConflict && other.Status.Reason != ReasonInvalid {
				return Wait, other.Seq
			}
		case Dead:
			step = Annul
		case Annulled, Discarded:
			if !other.Status.Unanswered {
				step = Annul
			}
		}
	}
	return step, 0
}
