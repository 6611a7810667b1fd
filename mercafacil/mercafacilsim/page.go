package mercafacilsim

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"time"
)

//go:embed page.html
var pageText string

// shown is what the page shows; html/template escapes all of it.
type shown struct {
	Now      time.Time
	Faults   []Fault
	Settings string
	Members  []Member
	Offers   []shownOffer
	Sessions []SessionView
	Coupons  []Coupon
	Received []Arrival // newest first
}

type shownOffer struct{ ID, Rule string }

// page shows everything there is, the newest first where lists grow.
func (s *Sim) page(w http.ResponseWriter, _ *http.Request) {
	const newest = 100
	view := shown{
		Now: s.Now(), Faults: s.Faults(), Settings: spelled(s.Settings()), Members: s.Members(),
		Sessions: last(s.SessionList(), newest), Coupons: last(s.Coupons(), newest), Received: last(s.Received(), newest),
	}
	for _, offer := range s.Offers() {
		view.Offers = append(view.Offers, shownOffer{offer.ID, spelled(offer)})
	}
	parsed, err := template.New("page").Parse(pageText)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = parsed.Execute(w, view) // the reader is gone: nobody to tell
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
