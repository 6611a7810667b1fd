package mercafacil

import "pdvagent/agent"

// Profile is what differs between the dialects, as data: a wrong guess about the cloud is mended here alone.
type Profile struct {
	Paths map[agent.Kind]string // below the base URL, with the trailing slash the vendor's text gives
}

// ProfileOf gives the profile of a dialect: v2 as the manual writes it, v2.2 as the public client speaks it.
func ProfileOf(dialect agent.Dialect) (Profile, bool) {
	switch dialect {
	case agent.V2: // manual 3.c, 3.d, 3.e, 4.a
		return Profile{Paths: map[agent.Kind]string{
			agent.KindConfirm:            "v2/transaction/confirm",
			agent.KindCancel:             "v2/transaction/cancel",
			agent.KindCoupon:             "v2/coupons/",
			agent.KindCouponCancellation: "v2/coupons-cancellation/",
		}}, true
	case agent.V22: // contract 1.2
		return Profile{Paths: map[agent.Kind]string{
			agent.KindConfirm:            "v2.2/transaction/confirm",
			agent.KindCancel:             "v2.2/transaction/cancel",
			agent.KindCoupon:             "v2/coupons",
			agent.KindCouponCancellation: "v2/coupons-cancellation",
		}}, true
	}
	return Profile{}, false
}
