package cli

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

var update = flag.Bool("update", false, "write the console's words anew")

// The console's page says the same words as the commands: its file is made of their vocabularies and figures.
func TestConsoleHasTheWordsOfTheCommands(t *testing.T) {
	counts := make(map[string][]string)
	for _, f := range figures() {
		counts[f.name] = []string{f.one, f.many}
	}
	words, err := json.MarshalIndent(map[string]any{
		"counts": counts, "jobStates": jobStates(), "jobKinds": jobKinds(), "jobReasons": jobReasons(), "paymentStates": paymentStates(),
		"paymentKinds": paymentKinds(), "boletoStates": boletoStates(), "channels": channels(), "orderStates": orderStates(), "verdicts": verdicts(),
		"provers": provers(),
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := "// Made of the words in cmd/internal/cli (words.go, counts.go) by a test (-update). It is not edited.\nexport const codes = " + string(words) + ";\n"
	path := filepath.Join(agenttest.Root(), "agent/till/console/page/codes.js")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
		t.Error("agent/till/console/page/codes.js has other words: go test ./cmd/internal/cli -run ConsoleHasTheWords -update")
	}
}
