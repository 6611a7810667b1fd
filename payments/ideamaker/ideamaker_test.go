package ideamaker_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/ideamaker"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/paymentstest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func client(t *testing.T, dial upstream.Dial) *ideamaker.Client {
	t.Helper()
	c, err := ideamaker.New(ideamaker.Config{
		TitlesURL: "http://127.0.0.1/ideamaker", CustomerID: "test-id", CustomerKey: "test-key", GatewayURL: "http://127.0.0.1/gateway/", GatewayKey: "chave-de-teste",
		Distributor: "loja-modelo", Till: "caixa01", Dial: dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cloud is the simulator as the exercise sees it.
type cloud struct {
	*testing.T
	*http.ServeMux
	sim *ideamakersim.Sim
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	sim, err := ideamakersim.New(ideamakersim.Config{CustomerID: "test-id", CustomerKey: "test-key", GatewayKey: "chave-de-teste"})
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{T: t, ServeMux: http.NewServeMux(), sim: sim}
	c.Handle("/ideamaker/", http.StripPrefix("/ideamaker", sim.Titles()))
	c.Handle("/gateway/", http.StripPrefix("/gateway", sim.Gateway()))
	return c
}

func (c *cloud) Fault(call, fault string, status, times int) {
	c.Helper()
	if fault == "" {
		c.sim.Heal()
		return
	}
	route := map[string]string{"register": "registra", "charge": "pix", "status": "status", "confirm": "confirma", "known": "cupons"}[call]
	wait := 0
	if fault == "busy" {
		fault, wait = "status", 20
	}
	if err := c.sim.Add(simkit.Fault{Route: route, Fault: fault, Status: status, RetryAfter: wait, Times: times}); err != nil {
		c.Fatal(err)
	}
}

func (c *cloud) Pay(amount agent.Cents, late bool) error {
	_, err := c.sim.Pay(context.Background(), ideamakersim.Payment{Amount: int(amount), Late: late, Silent: true})
	return err
}

func (c *cloud) Tally() (charges, paid, given int) {
	for _, charge := range c.sim.Charges() {
		charges++
		paid += charge.Times
	}
	for _, sale := range c.sim.Sales() {
		if sale.Auth != "" {
			given++
		}
	}
	return charges, paid, given
}

func TestGatewayPassesTheExercise(t *testing.T) {
	paymentstest.Exercise(t, paymentstest.Vendor{
		Kind: payments.KindPix, Amount: 1500, Cloud: func(t *testing.T) paymentstest.Cloud { return newCloud(t) },
		Provider: func(t *testing.T, dial upstream.Dial) payments.Provider {
			return ideamaker.Gateway{Client: client(t, dial)}
		},
	})
}

func TestTitlesPassTheExercise(t *testing.T) {
	order, err := json.Marshal(ideamaker.Sale{Product: "seguro", Quantity: 1, CPF: "12345678909", Phone: "11900000000"})
	if err != nil {
		t.Fatal(err)
	}
	paymentstest.Exercise(t, paymentstest.Vendor{
		Kind: payments.KindTitle, Amount: 1500, Order: order, Cloud: func(t *testing.T) paymentstest.Cloud { return newCloud(t) },
		Provider: func(t *testing.T, dial upstream.Dial) payments.Provider {
			return ideamaker.Titles{Gateway: ideamaker.Gateway{Client: client(t, dial)}}
		},
	})
}
