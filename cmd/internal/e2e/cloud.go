package e2e

import (
	"fmt"
	"slices"
	"strings"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/rig"
	"pdvagent/mercafacil/mercafacilsim"
)

// ReturnClouds puts the clouds back on the network after Clouds.Leave.
func (s *Site) ReturnClouds() {
	s.Helper()
	s.must(s.Clouds.Return(s.Context()))
}

// AddMember puts a shopper into the club.
func (s *Site) AddMember(document, name string) {
	s.Helper()
	s.must(s.Clouds.Mercafacil.AddMember(fmt.Sprintf(`{"document_no":%q,"name":%q}`, document, name)))
}

// AddMemberWithNotice puts a shopper into the club to whom the cloud has something to show; kind is card or app.
func (s *Site) AddMemberWithNotice(document, name, kind string) {
	s.Helper()
	s.must(s.Clouds.Mercafacil.AddMember(fmt.Sprintf(`{"document_no":%q,"name":%q,"birth_date":"2011-10-01","notice":%q}`, document, name, kind)))
}

// AddOffer adds an offer, given as JSON.
func (s *Site) AddOffer(offer string) {
	s.Helper()
	s.must(s.Clouds.Mercafacil.AddOffer(offer))
}

// SetCloud changes settings of the cloud, given as JSON.
func (s *Site) SetCloud(settings string) {
	s.Helper()
	s.must(s.Clouds.Mercafacil.Set(settings))
}

// AddFault makes calls to the cloud fail.
func (s *Site) AddFault(f simkit.Fault) {
	s.Helper()
	s.must(s.Clouds.Mercafacil.Add(f))
}

func (s *Site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// Arrivals are the calls of a route that took effect in the cloud, in their order.
func (s *Site) Arrivals(route string) []mercafacilsim.Arrival {
	var list []mercafacilsim.Arrival
	for _, arrival := range s.Clouds.Mercafacil.Received() {
		if arrival.Route == route && arrival.Effect {
			list = append(list, arrival)
		}
	}
	return list
}

// LastBody is the body of the latest call of a route that took effect.
func (s *Site) LastBody(route string) string {
	s.Helper()
	list := s.Arrivals(route)
	if len(list) == 0 {
		s.Fatalf("nothing arrived on %s", route)
	}
	return string(list[len(list)-1].Body)
}

// Sold counts how often each coupon took effect in the cloud.
func (s *Site) Sold() map[string]int {
	count := make(map[string]int)
	for _, arrival := range s.Arrivals("coupon") {
		count[rig.CouponOf(arrival.Body)]++
	}
	return count
}

// WantSoldOnce wants each of these coupons once in the cloud, and no other.
func (s *Site) WantSoldOnce(coupons ...string) {
	s.Helper()
	sold := s.Sold()
	for _, coupon := range coupons {
		if sold[coupon] != 1 {
			s.Errorf("the cloud has sale %s %d times", coupon, sold[coupon])
		}
		delete(sold, coupon)
	}
	if len(sold) > 0 {
		s.Errorf("the cloud has sales nobody made: %v", sold)
	}
}

// SessionCalls are the routes that each session of the cloud was called on, in the order of the sessions.
func (s *Site) SessionCalls() []string {
	var list []string
	for _, session := range s.Clouds.Mercafacil.SessionList() {
		list = append(list, strings.Join(session.Routes, " "))
	}
	return list
}

// WaitNoOpenSession waits until every session of the cloud has ended.
func (s *Site) WaitNoOpenSession() {
	s.Helper()
	s.Until("no session is open in the cloud", func() bool {
		return !slices.ContainsFunc(s.Clouds.Mercafacil.SessionList(), func(v mercafacilsim.SessionView) bool { return v.Stage == "open" })
	})
}
