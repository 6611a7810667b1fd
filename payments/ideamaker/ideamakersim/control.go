package ideamakersim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"pdvagent/agent/simkit"
)

// Control gives the routes by which a person or a test steers both services, beside those of [simkit.Kit.Control]:
//
//	POST /pay        a [Payment]: somebody pays a charge
//	POST /notify     {"charge":"…","times":n}: its notice goes out, again or too early
//	POST /promotions {"product":"…","promotion":{…}} as the vendor gives it
//	POST /customers  {"cpf":"…"}
//	GET  /charges /sales
func (s *Sim) Control() http.Handler {
	c := s.Kit.Control(s.settings, s.Reset)
	simkit.Take(c, "POST /pay", http.StatusOK, func(ctx context.Context, p Payment) (any, error) { return s.Pay(ctx, p) })
	simkit.Take(c, "POST /notify", http.StatusOK, func(ctx context.Context, in struct {
		Charge string `json:"charge"`
		Times  int    `json:"times"`
	},
	) (any, error) {
		return map[string]any{}, s.Notify(ctx, in.Charge, max(in.Times, 1))
	})
	simkit.Take(c, "POST /promotions", http.StatusCreated, func(_ context.Context, in struct {
		Product   string          `json:"product"`
		Promotion json.RawMessage `json:"promotion"`
	},
	) (any, error) {
		return map[string]any{}, s.Promote(in.Product, string(in.Promotion))
	})
	simkit.Take(c, "POST /customers", http.StatusCreated, func(_ context.Context, in struct {
		CPF string `json:"cpf"`
	},
	) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.customers[in.CPF] = true
		return map[string]any{}, nil
	})
	c.Show("GET /charges", func() any { return s.Charges() })
	c.Show("GET /sales", func() any { return s.Sales() })
	return c
}

// Promote adds a promotion, or changes one.
func (s *Sim) Promote(product, promotion string) error {
	if !json.Valid([]byte(promotion)) || product == "" {
		return errors.New("product and promotion, a JSON object, are wanted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promote(product, promotion)
	return nil
}
