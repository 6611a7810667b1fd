package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
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
