package sandbox_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/sandbox"
)

// manual is docs/sandbox.md.
func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(agenttest.Root(), "docs", "sandbox.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	controlCall = regexp.MustCompile(`curl (?:-X (\S+) )?(http://127\.0\.0\.1:8790/control\S+)(?:\s+-d '([^']*)')?`)
	faultBody   = regexp.MustCompile("`-d '([^']*)'`")
)

// Every command of the document about the simulated cloud is taken.
func TestTheCommandsOfTheSandboxDocumentAreTaken(t *testing.T) {
	base := "http://" + start(t, sandbox.Config{}).Address()
	text := manual(t)
	commands := controlCall.FindAllStringSubmatch(text, -1)
	for _, body := range faultBody.FindAllStringSubmatch(text, -1) {
		commands = append(commands, []string{"", "POST", "http://127.0.0.1:8790/control/mercafacil/faults", body[1]})
	}
	if len(commands) < 20 {
		t.Fatalf("the document has %d commands", len(commands))
	}
	for _, command := range commands {
		if strings.Contains(command[3], `"gone"`) {
			continue // it leaves the network: another test has it
		}
		method := command[1]
		if method == "" {
			method = http.MethodGet
		}
		if status := call(t, method, base+strings.TrimPrefix(command[2], "http://127.0.0.1:8790"), command[3]); status == 0 || status >= 300 {
			t.Errorf("%s: got %d", command[0], status)
		}
	}
}

// What the document says the cloud begins with is what it begins with.
func TestTheSandboxDocumentNamesWhatTheCloudBeginsWith(t *testing.T) {
	clouds := start(t, sandbox.Config{Seed: true})
	text := manual(t)
	for _, member := range clouds.Mercafacil.Members() {
		if !strings.Contains(text, "| "+member.Document+" | "+member.Name+" |") {
			t.Errorf("it does not name %s, %s", member.Document, member.Name)
		}
	}
	for _, offer := range clouds.Mercafacil.Offers() {
		if !strings.Contains(text, "| `"+offer.ID+"` |") {
			t.Errorf("it does not name %s", offer.ID)
		}
	}
}
