package mercafacilsim

import (
	_ "embed"
	"net/http"
	"slices"
	"time"

	"pdvagent/agent/simkit"
)

// pageText reads [Sim.overview] every two seconds. It is no template: package html/template would make the linker keep every
// method of the whole program, 3 MB of it.
//
//go:embed page.html
var pageText []byte

// overview is what the page shows.
type overview struct {
	Now       time.Time      `json:"now"`
	Faults    []simkit.Fault `json:"faults"`
	Settings  Settings       `json:"settings"`
	Members   []Member       `json:"members"`
	Offers    []Offer        `json:"offers"`
	Products  int            `json:"products"`  // records held
	Operators int            `json:"operators"` // the same
	Sessions  []SessionView  `json:"sessions"`
	Coupons   []Coupon       `json:"coupons"`
	Received  []Arrival      `json:"received"` // newest first
}

func (s *Sim) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(pageText) // the reader is gone
}

// overview gives everything there is, the newest first where lists grow.
func (s *Sim) overview() overview {
	const newest = 100
	return overview{
		Now: s.Now(), Faults: s.Faults(), Settings: s.Settings(), Members: s.Members(), Offers: s.Offers(),
		Products: len(s.Loaded("products")), Operators: len(s.Loaded("operators")),
		Sessions: last(s.SessionList(), newest), Coupons: last(s.Coupons(), newest), Received: last(s.Received(), newest),
	}
}

// last gives the newest n, newest first.
func last[T any](list []T, n int) []T {
	list = slices.Clone(list[max(0, len(list)-n):])
	slices.Reverse(list)
	return list
}
