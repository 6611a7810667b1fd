package fleet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/fleet"
)

// safe are the characters that a code or a machine may have: they go into scripts and file names.
const safe = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-"

func safely(text string) bool {
	return text != "" && strings.Trim(text, safe) == "" && strings.Trim(text, ".") != "" && text[0] != '-'
}

// FuzzInventory reads what a person's spreadsheet saved: what is taken is fit for scripts and file names, each till is there once, and
// each shop has one primary; what is not is said in a sentence.
func FuzzInventory(f *testing.F) {
	agenttest.Seed(f)
	for _, text := range []string{
		head + "001;001;CAIXA001;sim;windows\n001;002;CAIXA002;não;\n", "loja,caixa,maquina,principal,sistema\n001,001,CAIXA001,S,Windows 10\n",
		"\ufeff" + head + "001;001;CAIXA001;sim;\r\n", "loja;caixa;m\xe1quina;principal\n001;001;CAIXA001;sim\n", "sep=;\r\n" + head + "=\"001\";'001;\\\\CAIXA001;1;\r\n",
		"shop\ttill\tmachine\tprimary\tendereco\n001\t001\t10.0.0.1\ttrue\thttps://a/\n", head + "1;01;A;sim;\n01;1;B;sim;\n", head + "\"a;b;c;d;e\n", head + "-;.;..;x;\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		tills, err := fleet.ReadInventory("caixas.csv", content)
		if err != nil {
			if said := agent.Sentence(err); !strings.HasPrefix(said, "caixas.csv") {
				t.Errorf("it says %q", said)
			}
			return
		}
		names, primaries := make(map[string]bool), make(map[string]int)
		for _, till := range tills {
			if !safely(till.Shop) || !safely(till.Till) || !safely(till.Machine) {
				t.Errorf("taken: %+v", till)
			}
			if names[strings.ToLower(till.Name())] {
				t.Errorf("%s stands there twice", till.Name())
			}
			names[strings.ToLower(till.Name())] = true
			if till.Primary {
				primaries[till.Shop]++
			}
		}
		for _, till := range tills {
			if primaries[till.Shop] != 1 {
				t.Errorf("shop %s has %d primary tills", till.Shop, primaries[till.Shop])
			}
		}
	})
}

// FuzzAnswered reads what scripts left of a till: it is right only where its own words say so.
func FuzzAnswered(f *testing.F) {
	tills, err := fleet.ReadInventory("caixas.csv", []byte(head+"001;002;CAIXA002;sim;\n"))
	if err != nil {
		f.Fatal(err)
	}
	folder := filepath.Join(f.TempDir(), "instalacao")
	if _, err := fleet.Write(folder, tills, fleet.Places{Setup: "setup.exe", Package: "a.deb"}, map[string]string{"001": "token"}); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("0\r\n"), []byte(`{"shop":{"id":"001","till":"002","primary":true}}`), []byte(`{"version":"1.0.0","online":true}`))
	f.Add([]byte("\x1b[2J0"), []byte(`{"shop":{"id":"\u001b[2J","till":"002"}}`), []byte(`{"version":"1\n2"}`))
	f.Add([]byte("5"), []byte(`{"shop":{"id":1}}`), []byte("\xff\xfe{\x00}\x00"))
	f.Fuzz(func(t *testing.T, code, shown, status []byte) {
		for ending, content := range map[string][]byte{".codigo": code, ".config": shown, ".situacao": status} {
			if err := os.WriteFile(filepath.Join(folder, "resultados", "001-002"+ending), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		answers, err := fleet.Check(folder)
		if err != nil || len(answers) != 1 {
			t.Fatal(answers, err)
		}
		if got := answers[0]; got.Says == "" || got.Right && (!got.Installed || got.Version == "") || strings.ContainsAny(got.Says+got.Version, "\n\x1b") {
			t.Errorf("it is %+v", got)
		}
	})
}
