package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/chain"
	"pdvagent/cmd/internal/usage"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// call runs a command line on a data folder.
func call(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot(&out)
	root.SetArgs(append(args, "--data-dir", dir))
	err := usage.Named(root.ExecuteContext(t.Context()))
	return out.String(), err
}

func TestWrongCallsAreSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hub")
	for line, want := range map[string]string{
		"serve":                              "--name",
		"serve --name hub --join 8443":       "não é endereço:porta",
		"serve --name hub --broker x":        "não é endereço:porta",
		"serve x":                            "não é um comando de",
		"invite --shop 1":                    "--till",
		"invite --shop 1 --till 2 --valid 0": "maior que zero",
		"invites":                            "não é um comando",
		"tills --atention":                   "não existe a opção --atention",
	} {
		_, err := call(t, dir, strings.Fields(line)...)
		var wrong usage.Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := call(t, dir, "invite", "--shop", "1", "--till", "2"); err == nil || !strings.Contains(err.Error(), "pdvhub serve") {
		t.Errorf("an invitation without a hub: %v", err)
	}
}

func TestTillsAreListedWithWhatIsWrong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hub")
	if out, err := call(t, dir, "tills"); err != nil || !strings.Contains(out, "Nenhum caixa entrou na rede ainda") {
		t.Errorf("got %q, %v", out, err)
	}
	l, err := ledger.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	well := chain.State{Agent: "agent-one", Run: "r", Shop: "001", Till: "012", Version: "1.2.3", Online: true}
	if err := l.Keep(t.Context(), []chain.State{well}); err != nil {
		t.Fatal(err)
	}
	if out, err := call(t, dir, "tills", "--attention"); err != nil || out != "O único caixa não precisa de ninguém.\n" {
		t.Errorf("got %q, %v", out, err)
	}
	held := chain.State{Agent: "agent-two", Run: "r", Shop: "001", Till: "013", Alarms: []chain.Alarm{{Code: "held_jobs"}}, Queue: chain.Queue{Held: 2}}
	if err := l.Keep(t.Context(), []chain.State{held}); err != nil {
		t.Fatal(err)
	}
	out, err := call(t, dir, "tills")
	if err != nil || !strings.Contains(out, "001   012    bem                1.2.3") || !strings.Contains(out, "2 vendas retidas") {
		t.Errorf("got\n%s%v", out, err)
	}
	out, err = call(t, dir, "tills", "--attention", "--json")
	var list struct {
		Tills []struct{ Till, Health, Why string }
	}
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list.Tills) != 1 || list.Tills[0].Till != "013" || list.Tills[0].Health != "precisa de alguém" {
		t.Errorf("got %s, %v", out, err)
	}
}
