package homologation_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/homologation"
)

func loadPlan(t *testing.T) *homologation.Plan {
	t.Helper()
	plan, err := homologation.Load(homologation.Script)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func contract(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(agenttest.Root(), "docs", "spec", "contracts", "mercafacil.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryLineOfTheVendorsChecklistIsAnItem(t *testing.T) {
	plan := loadPlan(t)
	listed := regexp.MustCompile(`(?m)^\| (H\d+) \|`).FindAllStringSubmatch(contract(t), -1)
	if len(listed) != 44 {
		t.Fatalf("the contract lists %d items, want H1 to H44", len(listed))
	}
	for _, code := range listed {
		if !slices.ContainsFunc(plan.Items, func(i homologation.Item) bool { return slices.Contains(i.Manual, code[1]) && i.Stage != "suposicoes" }) {
			t.Errorf("%s of the contract is no item of the plan", code[1])
		}
	}
}

func TestEveryCodeOfAnItemIsInTheContract(t *testing.T) {
	text := contract(t)
	for _, item := range loadPlan(t).Items {
		for _, code := range item.Manual {
			if !strings.Contains(text, "| "+code+" |") {
				t.Errorf("%s: the contract has no %s", item.ID, code)
			}
		}
	}
}

// TestTheScriptOfOffersIsWhole holds the plan against the manual's script: each type of offer, each of its lines, together and
// separate.
func TestTheScriptOfOffersIsWhole(t *testing.T) {
	count := make(map[string]int)
	for _, item := range loadPlan(t).Items {
		if item.Stage == "roteiro" {
			count[item.Group]++
		}
	}
	want := map[string]int{"percentage": 7, "takepay take 3 pay 2": 7, "takepay take 4 pay 2": 7, "combo": 8}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", count, want)
	}
}

// marked finds what the contract marks as assumed. The legend explains the mark, and is none.
var (
	marked = regexp.MustCompile(`\[A[\],:\s]|\bA for V2|zone A\b|name A\b`)
	legend = regexp.MustCompile(`what is marked \[A\]|^\| \*\*\[A\]\*\*`)
)

func TestEveryAssumptionOfTheContractIsAnItem(t *testing.T) {
	plan := loadPlan(t)
	for i, line := range strings.Split(contract(t), "\n") {
		if !marked.MatchString(line) || legend.MatchString(line) {
			continue
		}
		if !slices.ContainsFunc(plan.Items, func(item homologation.Item) bool { return item.Contract != "" && strings.Contains(line, item.Contract) }) {
			t.Errorf("line %d of the contract is marked [A], and no item answers it: %.90s", i+1, line)
		}
	}
}

func TestEveryAssumptionNamesItsLineOfTheContract(t *testing.T) {
	text := contract(t)
	for _, item := range loadPlan(t).Items {
		if (item.Stage == "suposicoes") != (item.Contract != "") {
			t.Errorf("%s: an assumption, and nothing else, names its words in the contract", item.ID)
		}
		if !strings.Contains(text, item.Contract) {
			t.Errorf("%s: the contract does not say %q", item.ID, item.Contract)
		}
	}
}

func TestAtLeast35ItemsCanBeTickedByOrdinaryTraffic(t *testing.T) {
	count := 0
	for _, item := range loadPlan(t).Items {
		probes := slices.ContainsFunc(item.Steps, func(s homologation.Step) bool { return s.Do == "probe" })
		if item.By == homologation.Machine && item.Stage != "suposicoes" && !probes {
			count++
		}
	}
	if count < 35 {
		t.Errorf("%d items, want 35", count)
	}
}

func TestAPlanThatNamesWhatItDoesNotHaveIsRefused(t *testing.T) {
	text, err := os.ReadFile("plan-" + homologation.Script + ".json")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"an unknown field":        {`"vendor"`, `"vendors"`},
		"a judge that is not":     {`"judge": "load"`, `"judge": "loads"`},
		"a person that is not":    {`"who": "socio1"`, `"who": "socio9"`},
		"a product that is not":   {`{"product": "comum", "quantity"`, `{"product": "raro", "quantity"`},
		"an offer that is not":    {`"offers": ["clube"]`, `"offers": ["clubes"]`},
		"an id that stands twice": {`"id": "H2"`, `"id": "H1"`},
		"a stage that is not":     {`"stage": "vendas"`, `"stage": "venda"`},
		"a wrong document":        {`"document": "52998224725"`, `"document": "52998224726"`},
		"a step that is not":      {`"do": "finish"`, `"do": "end"`},
		"something after it":      {"\n  ]\n}\n", "\n  ]\n} {}\n"},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("%s: the plan has no %q", name, change[0])
		}
		if _, err := homologation.Parse([]byte(changed)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestInstructionsNameDocumentsAndProducts(t *testing.T) {
	plan := loadPlan(t)
	item, _ := plan.Item("h20.2")
	want := "Identifique o CPF 529.982.247-25, passe 2 unidades do produto 80215 em linhas separadas e peça o subtotal."
	if got := plan.Fill(item.Instruction); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
