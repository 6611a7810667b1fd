package sicoobsim

import (
	"context"
	"net/http"

	"pdvagent/payments/cloudsim"
)

// Control gives the routes by which a person or a test steers the bank, beside those of [cloudsim.Kit.Control]:
//
//	POST /pay      a [Movement]: money comes
//	POST /boletos  a [Boleto]; GET all
//	PUT  /settings some of [Settings]; GET them
//	POST /reset    forget everything
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	s.Kit.Control(mux)
	cloudsim.Take(mux, "POST /pay", http.StatusOK, func(_ context.Context, m Movement) (any, error) { return map[string]any{}, s.Pay(m) })
	cloudsim.Take(mux, "POST /boletos", http.StatusCreated, func(_ context.Context, b Boleto) (any, error) { return s.AddBoleto(b) })
	cloudsim.Show(mux, "GET /boletos", func() any { return s.Boletos() })
	cloudsim.Settings(mux, &s.mu, &s.settings)
	cloudsim.Take(mux, "POST /reset", http.StatusOK, func(context.Context, struct{}) (any, error) { s.Reset(); return map[string]any{}, nil })
	return mux
}
