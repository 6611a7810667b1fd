package mercafacilsim

import (
	"io"
	"net/http"
	"time"
)

// Control gives the routes by which a person or a test steers the cloud:
//
//	GET    /           a page that shows everything; /everything is what it reads
//	POST   /faults     a [Fault]; GET those that are on; DELETE ends them
//	PUT    /settings   some of [Settings]; GET all of them
//	POST   /members    a [Member]; GET the club
//	POST   /offers     an [Offer]; GET the running ones; DELETE ends them and forgets their use
//	POST   /clock      {"advance_seconds": n}: moves the cloud's clock; GET tells it
//	GET    /received   every request: [Arrival]
//	GET    /coupons    accepted receipts: [Coupon]
//	GET    /products   what loads brought: [Record]; /operators the same
//	GET    /sessions   every session: [SessionView]
//	POST   /seed       members and offers to begin with
//	POST   /reset      forget everything
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /everything", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, s.shown()) })
	take := func(pattern string, do func(text string) error, show func() any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
			if err == nil {
				err = do(string(text))
			}
			if err != nil {
				plain(w, http.StatusUnprocessableEntity, refused(http.StatusUnprocessableEntity, err.Error()))
				return
			}
			status := http.StatusOK
			if added := r.Method == http.MethodPost && (r.URL.Path == "/faults" || r.URL.Path == "/members" || r.URL.Path == "/offers"); added {
				status = http.StatusCreated
			}
			plain(w, status, show())
		})
	}
	show := func(pattern string, what func() any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, what()) })
	}
	faults, settings := func() any { return s.Faults() }, func() any { return s.Settings() }
	members, offers := func() any { return s.Members() }, func() any { return s.Offers() }
	take("POST /faults", s.addFault, faults)
	take("DELETE /faults", func(string) error { s.Heal(); return nil }, faults)
	show("GET /faults", faults)
	take("PUT /settings", s.Set, settings)
	show("GET /settings", settings)
	take("POST /members", s.AddMember, members)
	show("GET /members", members)
	take("POST /offers", s.AddOffer, offers)
	take("DELETE /offers", func(string) error { s.DropOffers(); return nil }, offers)
	show("GET /offers", offers)
	clock := func() any { return map[string]time.Time{"now": s.Now()} }
	take("POST /clock", s.moveClock, clock)
	show("GET /clock", clock)
	show("GET /received", func() any { return s.Received() })
	show("GET /coupons", func() any { return s.Coupons() })
	show("GET /products", func() any { return s.Loaded("products") })
	show("GET /operators", func() any { return s.Loaded("operators") })
	show("GET /sessions", func() any { return s.SessionList() })
	take("POST /seed", func(string) error { return s.Seed() }, offers)
	take("POST /reset", func(string) error { s.Reset(); return nil }, settings)
	return mux
}

func (s *Sim) addFault(text string) error {
	var fault Fault
	if err := strictly([]byte(text), &fault); err != nil {
		return err
	}
	return s.Add(fault)
}

func (s *Sim) moveClock(text string) error {
	var move struct {
		Seconds int64 `json:"advance_seconds"`
	}
	if err := strictly([]byte(text), &move); err != nil {
		return err
	}
	s.Advance(time.Duration(move.Seconds) * time.Second)
	return nil
}

// Seed puts a small club and a few offers in, so that a till has something to meet: see docs/sandbox.md.
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
