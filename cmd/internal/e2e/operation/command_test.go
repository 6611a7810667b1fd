package operation

import (
	"context"
	"strings"
	"testing"

	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

func TestSecondAgentEndsWithASentence(t *testing.T) {
	s := e2e.NewSite(t).Start()
	e2e.RunAsProgram(t)
	process, err := rig.StartAgent(context.Background(), s.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Wait(); err == nil {
		t.Error("the second agent ended without an error")
	}
	if said := process.Log.String(); !strings.Contains(said, "já está usando") {
		t.Errorf("it said %q", said)
	}
}
