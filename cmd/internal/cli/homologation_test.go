package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/ops/evidence"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
	"pdvagent/mercafacil/homologation"
)

func TestHomologationPlanIsATableAndJSON(t *testing.T) {
	code, out, errOut := e2e.RunCommand(t, "homologation", "plan")
	for _, want := range []string{"Etapa 3: confirmação de vendas", "H16", "total_value_with_discounts", "piloto"} {
		if code != cli.ExitDone || !strings.Contains(out, want) {
			t.Fatalf("exit %d, want %q in:\n%s%s", code, want, out, errOut)
		}
	}
	code, out, _ = e2e.RunCommand(t, "homologation", "plan", "--json")
	var plan homologation.Plan
	if err := json.Unmarshal([]byte(out), &plan); code != cli.ExitDone || err != nil || len(plan.Items) < 80 {
		t.Errorf("exit %d, %v, %d items", code, err, len(plan.Items))
	}
	code, out, _ = e2e.RunCommand(t, "homologation", "plan", "h20.2")
	if code != cli.ExitDone || !strings.Contains(out, "passe 2 unidades do produto 80215 em linhas separadas") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestHomologationPlanRefusesAnUnknownItemAndScript(t *testing.T) {
	if code, _, errOut := e2e.RunCommand(t, "homologation", "plan", "H99"); code != cli.ExitUsage || !strings.Contains(errOut, "H99") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, errOut := e2e.RunCommand(t, "homologation", "plan", "--script", "v9"); code != cli.ExitFailed || !strings.Contains(errOut, homologation.Script) {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

// TestHomologationAgainstTheSandboxProvesEveryItemOfAMachine is the vendor's whole script in one command: nothing that a machine can
// see stays open, and nothing that needs a person is green.
func TestHomologationAgainstTheSandboxProvesEveryItemOfAMachine(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "report")
	code, out, errOut := e2e.RunCommand(t, "homologation", "run", "--against", "sandbox", "--out", folder)
	if code != cli.ExitDone {
		t.Fatalf("exit %d:\n%s%s", code, out, errOut)
	}
	text, err := os.ReadFile(filepath.Join(folder, "homologacao.json"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := evidence.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := homologation.Load(homologation.Script)
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range plan.Items {
		done := report.Items[i].Verdict == evidence.Passed || report.Items[i].Verdict == evidence.Answered
		if done != (item.By == homologation.Machine) {
			t.Errorf("%s, which only a %s can see, is %s", item.ID, item.By, report.Items[i].Verdict)
		}
		if done && len(report.Items[i].Exchanges) == 0 {
			t.Errorf("%s has no exchange that shows it", item.ID)
		}
	}
	if strings.Contains(string(text), "token-de-homologacao") {
		t.Error("the report shows the token")
	}
	if code, out, errOut := e2e.RunCommand(t, "homologation", "verify", folder); code != cli.ExitDone {
		t.Errorf("verify ended with %d: %s%s", code, out, errOut)
	}
}

func TestOneItemShowsEveryRequestAndAnswer(t *testing.T) {
	code, out, errOut := e2e.RunCommand(t, "homologation", "run", "--item", "h20.2")
	for _, want := range []string{"caixa → agente  POST /v2/transaction/start", "agente → nuvem  POST v2/transaction/apply", `"client_id":"52998224725"`, `"discount":"1.00"`, "10% em 2"} {
		if code != cli.ExitDone || !strings.Contains(out, want) {
			t.Errorf("exit %d, want %q in:\n%s%s", code, want, out, errOut)
		}
	}
}

func TestHomologationRunRefusesWhatIsNotInThePlan(t *testing.T) {
	for _, args := range [][]string{{"--item", "H99"}, {"--against", "lua"}} {
		if code, _, errOut := e2e.RunCommand(t, append([]string{"homologation", "run"}, args...)...); code != cli.ExitUsage {
			t.Errorf("%v ended with %d: %s", args, code, errOut)
		}
	}
}

// TestWatchSaysWhatTheTillDidWrong has the shop's till sell while somebody watches.
func TestWatchSaysWhatTheTillDidWrong(t *testing.T) {
	s := e2e.NewSite(t)
	s.Start()
	if out := s.Command(cli.ExitDone, "homologation", "watch", "--once"); !strings.Contains(out, "Ninguém está acompanhando") {
		t.Errorf("got %s", out)
	}
	code, out, errOut := e2e.RunCommandInput(t, "f\n", "homologation", "watch", "--item", "H14", "--config", s.Config)
	if code != cli.ExitDone || !strings.Contains(out, "Conclua quatro vendas") {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	sale := s.Begin("v2", e2e.Stranger) // who is in no club
	sale.Apply(e2e.Units("900", 1, "7.49"))
	s.Post("/v2/transaction/confirm", `{"transaction_id":"`+sale.ID+`"}`)
	s.Post("/v2/coupons", strings.Replace(rig.SaleBody("CUPOM-1", sale.ID), `"client_id":"0"`, `"client_id":"`+e2e.Stranger+`"`, 1))
	out = s.Command(cli.ExitDone, "homologation", "watch", "--once")
	if !strings.Contains(out, "o cupom levou client_id "+e2e.Stranger+", mas este cliente não é do clube: deveria ir 0") {
		t.Errorf("got:\n%s", out)
	}
	s.Command(cli.ExitDone, "homologation", "confirm", "H9", "--by", "Ana", "--says", "a base é única")
	if out := s.Command(cli.ExitFailed, "homologation", "confirm", "H13", "--by", "Ana", "--says", "ok"); !strings.Contains(out, "provado pelo que passa") {
		t.Errorf("got %s", out)
	}
	for _, got := range []e2e.Answer{
		s.Call(http.MethodGet, "/v1/homologation", e2e.SupportToken, ""),
		s.Call(http.MethodPost, "/v1/homologation", e2e.SupportToken, `{"do":"item","item":"H13"}`),
	} {
		if got.Status != http.StatusOK {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	}
	folder := filepath.Join(t.TempDir(), "report")
	s.Command(cli.ExitDone, "homologation", "watch", "--stop", "--out", folder)
	text, err := os.ReadFile(filepath.Join(folder, "homologacao.json"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := evidence.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range report.Items {
		if item.ID == "H14" && item.Verdict != evidence.Failed || item.ID == "H9" && item.Verdict != evidence.Passed {
			t.Errorf("%s is %s", item.ID, item.Verdict)
		}
	}
	s.Command(cli.ExitFailed, "homologation", "confirm", "H9", "--by", "Ana", "--says", "ok")
}
