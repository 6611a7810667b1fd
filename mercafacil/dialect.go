package mercafacil

import "pdvagent/agent"

// Profile is what differs between the dialects, as data: a wrong guess about the cloud is mended here alone.
type Profile struct {
	Paths map[agent.Kind]string // of queued jobs, below the base URL, with the trailing slash the vendor's text gives
	Live  map[agent.Call]string // of calls that a till waits for; one that is missing does not exist in the dialect
	Tag   string                // field of a message's answer that names the button
}

// ProfileOf gives the profile of a dialect: v2 as the manual writes it, v2.2 as the public client speaks it.
func ProfileOf(dialect agent.Dialect) (Profile, bool) {
	switch dialect {
	case agent.V2: // manual 2, 3.c, 3.d, 3.e, 4.a
		return Profile{Paths: map[agent.Kind]string{
			agent.KindConfirm:            "v2/transaction/confirm",
			agent.KindCancel:             "v2/transaction/cancel",
			agent.KindCoupon:             "v2/coupons/",
			agent.KindCouponCancellation: "v2/coupons-cancellation/",
			agent.KindMessage:            "v2/transaction/message",
			agent.KindProducts:           "v2/products",
			agent.KindOperators:          "v2/operators",
			agent.KindCouponsList:        "v2/coupons-list",
		}, Live: map[agent.Call]string{
			agent.CallStart:   "v2/transaction/start",
			agent.CallMessage: "v2/transaction/message",
			agent.CallApply:   "v2/transaction/apply",
		}, Tag: "message_tag"}, true
	case agent.V22: // mercafacil.md 1.2
		return Profile{Paths: map[agent.Kind]string{
			agent.KindConfirm:            "v2.2/transaction/confirm",
			agent.KindCancel:             "v2.2/transaction/cancel",
			agent.KindCoupon:             "v2/coupons",
			agent.KindCouponCancellation: "v2/coupons-cancellation",
			agent.KindMessage:            "v2.2/transaction/message",
			agent.KindProducts:           "v2/products",
			agent.KindOperators:          "v2/operators",
			agent.KindCouponsList:        "v2/coupons-list",
		}, Live: map[agent.Call]string{
			agent.CallStart:    "v2.2/transaction/start",
			agent.CallMessage:  "v2.2/transaction/message",
			agent.CallPreApply: "v2.2/transaction/pre-apply",
			agent.CallApply:    "v2.2/transaction/apply",
		}, Tag: "tag"}, true
	}
	return Profile{}, false
}
