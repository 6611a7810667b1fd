package mercafacilsim

import (
	"encoding/json"
	"net/http"
)

// Control gives the routes by which a person or a test steers the cloud:
//
//	POST   /faults     a [Fault]
//	GET    /faults     those that are on
//	DELETE /faults     none
//	GET    /received   every request: [Arrival]
//	GET    /coupons    accepted receipts: [Coupon]
//	GET    /sessions   what was said of each session
//	POST   /reset      forget everything
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var fault Fault
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&fault)
		if err == nil {
			err = s.Add(fault)
		}
		if err != nil {
			refuse(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		answer(w, http.StatusCreated, s.Faults())
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Faults()) })
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Heal()
		answer(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("GET /received", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Received()) })
	mux.HandleFunc("GET /coupons", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Coupons()) })
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Sessions()) })
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		answer(w, http.StatusOK, s.Coupons())
	})
	return mux
}
