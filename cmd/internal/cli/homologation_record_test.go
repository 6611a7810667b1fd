package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/mercafacil/homologation"
)

var record = flag.Bool("record", false, "writes what passes in a run against the sandbox into the testdata of mercafacil/homologation")

// TestRecordARun writes the exchanges that the judges' table of defects changes. The plan's new items want a new recording.
func TestRecordARun(t *testing.T) {
	if !*record {
		t.Skip("writes testdata; -record")
	}
	plan, err := homologation.Load(homologation.Script)
	if err != nil {
		t.Fatal(err)
	}
	book, err := kit.OpenBook("", evidence.AgainstSandbox, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	scene, err := openSandbox(t.Context(), plan, t.TempDir(), own{run: book.Run, ids: book.IDs()})
	if err != nil {
		t.Fatal(err)
	}
	defer scene.close()
	passed := make(map[string][]agent.Exchange)
	runner, err := kit.NewRunner(kit.Config{Plan: plan, Book: book, Scene: scene, Till: scene.till, Cloud: scene.cloud, Facts: scene.facts(), Show: func(item homologation.Item, _ homologation.Finding, exchanges []agent.Exchange) {
		for _, x := range exchanges {
			if x.Method == "POST" {
				passed[item.ID] = append(passed[item.ID], x)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := lines(recorded(plan, passed))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(agenttest.Root(), "mercafacil", "homologation", "testdata", "run.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// recorded gives each exchange's fields that judges look at, in the plan's order.
func recorded(plan *homologation.Plan, passed map[string][]agent.Exchange) []any {
	type exchange struct {
		At                                            time.Time
		Side                                          agent.Side
		Route, Ref, Delivery, Origin, Request, Answer string
		Status                                        int
	}
	type window struct {
		Item      string
		Exchanges []exchange
	}
	var windows []any
	for _, item := range plan.Items {
		w := window{Item: item.ID}
		for _, x := range passed[item.ID] {
			w.Exchanges = append(w.Exchanges, exchange{x.At, x.Side, x.Route, x.Ref, x.Delivery, x.Origin, string(x.Request), string(x.Response), x.Status})
		}
		if len(w.Exchanges) > 0 {
			windows = append(windows, w)
		}
	}
	return windows
}

// lines writes a list of values, one a line.
func lines(list []any) ([]byte, error) {
	var out bytes.Buffer
	for i, value := range list {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		out.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == 0])
		out.Write(text)
	}
	out.WriteString("\n]\n")
	return out.Bytes(), nil
}
