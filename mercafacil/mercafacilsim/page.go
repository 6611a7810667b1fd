package mercafacilsim

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// pageText reads [Sim.shown] every two seconds. It is no template: package html/template would make the linker keep every
// method of the whole program, 3 MB of it.
//
//go:embed page.html
var pageText []byte

// shown is what the page shows, as text.
type shown struct {
	Now       time.Time     `json:"now"`
	Faults    []Fault       `json:"faults"`
	Settings  Settings      `json:"settings"`
	Members   []Member      `json:"members"`
	Offers    []Offer       `json:"offers"`
	Products  int           `json:"products"`  // records held
	Operators int           `json:"operators"` // the same
	Sessions  []SessionView `json:"sessions"`
	Coupons   []Coupon      `json:"coupons"`
	Received  []Arrival     `json:"received"` // newest first
}

func (s *Sim) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(pageText) // the reader is gone: nobody to tell
}

// shown gives everything there is, the newest first where lists grow.
func (s *Sim) shown() shown {
	const newest = 100
	return shown{
		Now: s.Now(), Faults: s.Faults(), Settings: s.Settings(), Members: s.Members(), Offers: s.Offers(),
		Products: len(s.Loaded("products")), Operators: len(s.Loaded("operators")),
		Sessions: last(s.SessionList(), newest), Coupons: last(s.Coupons(), newest), Received: last(s.Received(), newest),
	}
}

func spelled(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// last gives the newest n, newest first.
func last[T any](list []T, n int) []T {
	list = slices.Clone(list[max(0, len(list)-n):])
	slices.Reverse(list)
	return list
}

// plain writes a value as JSON.
func plain(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client is gone: nobody to tell
}
