package sicoobsim

import (
	"context"
	"net/http"

	"pdvagent/agent/simkit"
)

// Control gives the routes by which a person or a test steers the bank, beside those of [simkit.Kit.Control]:
//
//	POST /pay      a [Movement]: money comes
//	POST /boletos  a [Boleto]; GET all
func (s *Sim) Control() http.Handler {
	c := s.Kit.Control(s.settings, s.Reset)
	simkit.Take(c, "POST /pay", http.StatusOK, func(_ context.Context, m Movement) (any, error) { return map[string]any{}, s.Pay(m) })
	simkit.Take(c, "POST /boletos", http.StatusCreated, func(_ context.Context, b Boleto) (any, error) { return s.AddBoleto(b) })
	c.Show("GET /boletos", func() any { return s.Boletos() })
	return c
}
