package cli_test

import (
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// A shop in which a bit of everything has happened.
func TestWhatCommandsPrintIsPortuguese(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1})
	s.Post("/v2/coupons", agenttest.Receipt("D", "T"))
	s.Until("it is dead", func() bool { return s.Call("GET", "/v1/queue/1", e2e.SupportToken, "").Field("state") == "dead" })
	s.Post("/v2/coupons", agenttest.Receipt("S", "T"))
	s.Post("/v2/coupons", `{"coupon":"H"}`)
	s.Post("/v2/coupons", `{"coupon" x}`)
	s.WaitDrained()
	s.Clouds.Leave()
	s.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", "S"))
	s.Post("/v1/payments", `{"method":"pix","amount":1000,"reference":"R"}`, "Idempotency-Key", "k")
	unreadable := s.Call("GET", "/v1/queue?state=unread", e2e.SupportToken, "").Text("jobs.0.id")
	for _, args := range [][]string{
		{"status"},
		{"queue", "ls"},
		{"queue", "ls", "--state", "ilegível"},
		{"queue", "show", "1"},
		{"queue", "show", "3"},
		{"queue", "show", unreadable},
		{"queue", "retry", "1"},
		{"queue", "retry", "4"},
		{"payments", "ls"},
		{"boletos", "ls"},
		{"orders", "ls"},
		{"routines", "ls"},
		{"routines", "run", "resend"},
		{"routines", "run", "retention"},
		{"routines", "ls", "retention"},
		{"reconcile"},
		{"catalog", "status"},
		{"config", "check"},
		{"queue", "discard", "3", "--reason", "teste"},
	} {
		_, out, errOut := e2e.RunCommand(t, append(args, "--config", s.Config)...)
		if out+errOut == "" {
			t.Errorf("%v prints nothing", args)
		}
		cli.WantPortuguese(t, strings.Join(args, " "), out+errOut)
	}
	if got := s.Command(0, "queue", "show", "2"); !strings.Contains(got, "enviado") {
		t.Errorf("queue show: %s", got)
	}
}

func TestStatesAreTypedInPortugueseOrAsTheirCode(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Post("/v2/coupons", `{"coupon":"H"}`)
	for _, state := range []string{"retido", "Retido", "RETIDO", "held"} {
		if got := s.Command(0, "queue", "ls", "--state", state); !strings.Contains(got, "retido") {
			t.Errorf("--state %s: %s", state, got)
		}
	}
	if got := s.Command(0, "queue", "ls", "--kind", "confirmacao", "--json"); strings.Contains(got, `"id"`) {
		t.Errorf("--kind confirmacao: %s", got)
	}
	if got := s.Command(0, "queue", "ls", "--state", "retido", "--json"); !strings.Contains(got, `"state": "held"`) {
		t.Errorf("--json keeps the codes: %s", got)
	}
}

func TestHeldSaleNamesItsFaultsAndWhatToDoBeforeItsJSON(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Post("/v2/coupons", `{"coupon":"H","items":[]}`)
	got := s.Command(0, "queue", "show", "1")
	head, _, _ := strings.Cut(got, "{")
	for _, want := range []string{"retido", "Cupom: H", "items: ", "total_value: Falta este campo.", "O que fazer: ", "queue repair 1"} {
		if !strings.Contains(head, want) {
			t.Errorf("before the JSON there is no %q:\n%s", want, got)
		}
	}
}
