package mercafacilsim

import (
	"context"
	"encoding/json"
	"net/http"

	"pdvagent/agent/simkit"
)

// Control gives the routes by which a person or a test steers the cloud, beside those of [simkit.Control.Faults],
// [simkit.Control.Clock] and [simkit.Control.Settings]:
//
//	GET    /           a page that shows everything; /everything is what it reads
//	POST   /members    a [Member]; GET the club
//	POST   /offers     an [Offer]; GET the running ones; DELETE ends them and forgets their use
//	GET    /received   every request: [Arrival]
//	GET    /coupons    accepted receipts: [Coupon]
//	GET    /products   what loads brought: [Record]; /operators the same
//	GET    /sessions   every session: [SessionView]
//	POST   /seed       members and offers to begin with
//	POST   /reset      forgets everything
func (s *Sim) Control() http.Handler {
	c := simkit.NewControl(simkit.ControlConfig{OneValue: true, Type: jsonType, Refuse: func(message string) any {
		return refusal(http.StatusUnprocessableEntity, message).Body
	}})
	c.Faults(s.FaultSet)
	c.Clock(s.Clock)
	c.Settings(s.settings)
	c.HandleFunc("GET /{$}", s.page)
	c.Show("GET /everything", func() any { return s.overview() })
	add := func(pattern string, add func(text string) error, shown func() any) {
		simkit.Take(c, pattern, http.StatusCreated, func(_ context.Context, text json.RawMessage) (any, error) {
			err := add(string(text))
			return shown(), err
		})
	}
	members, offers := func() any { return s.Members() }, func() any { return s.Offers() }
	add("POST /members", s.AddMember, members)
	c.Show("GET /members", members)
	add("POST /offers", s.AddOffer, offers)
	c.Do("DELETE /offers", func() error { s.DropOffers(); return nil }, offers)
	c.Show("GET /offers", offers)
	c.Show("GET /received", func() any { return s.Received() })
	c.Show("GET /coupons", func() any { return s.Coupons() })
	c.Show("GET /products", func() any { return s.Loaded("products") })
	c.Show("GET /operators", func() any { return s.Loaded("operators") })
	c.Show("GET /sessions", func() any { return s.SessionList() })
	c.Do("POST /seed", s.Seed, offers)
	c.Do("POST /reset", func() error { s.Reset(); return nil }, func() any { return s.Settings() })
	return c
}

// Seed puts a small club and a few offers in, as docs/sandbox.md lists them.
func (s *Sim) Seed() error {
	for _, member := range []string{
		`{"document_no":"52998224725","name":"Maria Aparecida","phone":"41987762038"}`,
		`{"document_no":"11144477735","name":"José da Silva","birth_date":"1981-10-01","notice":"card"}`,
		`{"document_no":"12345678909","name":"Ana Souza","notice":"app"}`,
		`{"document_no":"11222333000181","name":"Padaria Central"}`,
	} {
		if err := s.AddMember(member); err != nil {
			return err
		}
	}
	for _, offer := range []string{
		`{"id":"cafe","type":"percentage","product":"80215","percent":10,"minimum":2,"maximum":4}`,
		`{"id":"queijo","type":"percentage","product":"411","percent":10,"club":true}`,
		`{"id":"leve3pague2","type":"takepay","product":"300","take":3,"pay":2,"maximum_per_client":2}`,
		`{"id":"churrasco","type":"combo","product":"502","percent":10,"triggers":[{"product":"500","quantity":3},{"product":"501","quantity":3}],"maximum_per_client":2}`,
		`{"id":"so-da-maria","type":"percentage","product":"77","percent":20,"documents":["52998224725"]}`,
		`{"id":"cinco-reais","type":"absolute","value":5,"documents":["52998224725"]}`,
		`{"id":"cashback","type":"payment","value":3,"documents":["52998224725"]}`,
	} {
		if err := s.AddOffer(offer); err != nil {
			return err
		}
	}
	return nil
}
