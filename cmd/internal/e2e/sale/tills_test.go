package sale

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/mercafacil/mercafacilsim"
)

// till is a program of testdata/tills and the names that it sells under, each in a process of its own, with a pattern of what
// is peculiar in the numbers that it writes under the name.
type till struct {
	language
	names map[string]string
}

func tills() []till {
	java := language{"Java", "Till.java", []string{"java", "javac"}, []string{"javac", "-proc:none", "-d", "OUT", "SRC"}, []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "OUT", "Till"}}
	sharp := language{"C#", "Till.cs", []string{"mcs", "mono"}, []string{"mcs", "-out:OUT/Till.exe", "-r:System.Net.Http.dll", "SRC"}, []string{"mono", "OUT/Till.exe"}}
	return []till{
		{language{"PHP", "till.php", []string{"php"}, nil, []string{"php", "SRC"}}, map[string]string{"php": `\d\.\d{15}`}},
		{language{"JavaScript", "till.js", []string{"node"}, nil, []string{"node", "SRC"}}, map[string]string{"node": `\d\.\d{14}`}},
		{language{"Pascal", "till.pas", []string{"fpc"}, []string{"fpc", "-v0", "-FEOUT", "-FUOUT", "SRC"}, []string{"OUT/till"}}, map[string]string{"pascal": `\d\.\d{16}E[+-]\d{3}`}},
		{java, map[string]string{"double": `\d\.\d{14}`, "decimal": `\dE\+1`}},
		{sharp, map[string]string{"csharp": `\d\.\d{14}`}},
	}
}

const salesPerTill = 200

// Programs of five languages, whose numbers are their own, sell beside each other: every sale arrives once, with its session,
// and the cloud's sums are those of the tills.
func TestTillsOfEveryLanguageSellTheirOwnNumbers(t *testing.T) {
	s := e2e.NewSite(t, "per_second: 20", "per_second: 5000", "live_deadline: 2500ms", "live_deadline: 30s", "bodies: masked", "bodies: none", "level: debug", "level: info").Start()
	s.AddMember(e2e.Maria, "Maria")
	s.AddMember(agenttest.CNPJ, "Padaria")
	s.AddOffer(`{"id":"seven","type":"percentage","product":"900","percent":7,"club":true}`)
	s.AddOffer(`{"id":"cheese","type":"percentage","product":"411","percent":10,"club":true}`)
	s.AddOffer(fmt.Sprintf(`{"id":"absolute","type":"absolute","value":0.50,"documents":[%q]}`, agenttest.CNPJ))
	s.AddOffer(fmt.Sprintf(`{"id":"cashback","type":"payment","value":0.35,"documents":[%q]}`, e2e.Maria))
	said := make(map[string]string) // a till's report, by its name
	patterns := make(map[string]*regexp.Regexp)
	var mu sync.Mutex
	var selling sync.WaitGroup
	for _, till := range tills() {
		t.Run(till.name, func(t *testing.T) {
			till.mustBeHere(t)
			program := till.built(s.T, filepath.Join("testdata", "tills"))
			for name, peculiar := range till.names {
				patterns[name] = regexp.MustCompile(peculiar)
				selling.Go(func() {
					report := runTill(s, program(name, time.Now().Format(time.DateOnly)))
					mu.Lock()
					defer mu.Unlock()
					said[name] = report
				})
			}
		})
	}
	selling.Wait()
	s.WaitDrained()
	wantReports(s, said)
	wantSpellings(s, patterns)
	for _, calls := range s.SessionCalls() {
		if calls != "start apply confirm" {
			t.Errorf("a session heard %q", calls)
		}
	}
	for _, state := range []string{"held", "dead", "annulled", "discarded"} {
		if got := s.Status().Field("queue." + state); got != 0.0 {
			t.Errorf("%v are %s", got, state)
		}
	}
}

// runTill gives what a till printed at its end.
func runTill(s *e2e.Site, command *exec.Cmd) string {
	var stderr strings.Builder
	command.Env = append(os.Environ(), "PDVAGENT_URL="+s.Base, "PDVAGENT_TOKEN="+e2e.TillToken, "LC_ALL=C.UTF-8")
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		s.Errorf("%s: %v\n%s%s", command.Path, err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// wantReports compares what each till printed with what the cloud received of it.
func wantReports(s *e2e.Site, said map[string]string) {
	s.Helper()
	type sums struct {
		count            int
		gross, net, paid *big.Rat
	}
	arrived := make(map[string]*sums)
	for _, coupon := range s.Clouds.Mercafacil.Coupons() {
		var sale struct {
			Till     string      `json:"pdv_code"`
			Gross    json.Number `json:"total_value"`
			Net      json.Number `json:"total_value_with_discount"`
			Payments []struct{ Amount json.Number }
		}
		if err := json.Unmarshal(coupon.Body, &sale); err != nil {
			s.Fatal(err)
		}
		if len(coupon.Warnings) > 0 {
			s.Errorf("%s: %v", coupon.ID, coupon.Warnings)
		}
		till := arrived[sale.Till]
		if till == nil {
			till = &sums{gross: new(big.Rat), net: new(big.Rat), paid: new(big.Rat)}
			arrived[sale.Till] = till
		}
		till.count++
		till.gross.Add(till.gross, exact(sale.Gross))
		till.net.Add(till.net, exact(sale.Net))
		for _, payment := range sale.Payments {
			till.paid.Add(till.paid, exact(payment.Amount))
		}
	}
	for name, report := range said {
		got := "nothing"
		if till := arrived[name]; till != nil {
			got = fmt.Sprintf("%d %s %s %s", till.count, till.gross.FloatString(4), till.net.FloatString(4), till.paid.FloatString(4))
		}
		if got != report || !strings.HasPrefix(report, fmt.Sprint(salesPerTill, " ")) {
			s.Errorf("%s says %q, the cloud has %q", name, report, got)
		}
	}
	if len(arrived) != len(said) {
		s.Errorf("%d tills arrived, %d sold", len(arrived), len(said))
	}
}

// wantSpellings looks for each till's peculiar numbers in what arrived.
func wantSpellings(s *e2e.Site, patterns map[string]*regexp.Regexp) {
	s.Helper()
	for name, pattern := range patterns {
		if !slices.ContainsFunc(s.Clouds.Mercafacil.Coupons(), func(c mercafacilsim.Coupon) bool {
			return strings.HasPrefix(c.ID, name+"-") && pattern.Match(c.Body)
		}) {
			s.Errorf("no number of %s looks like %s", name, pattern)
		}
	}
}

// exact is the value of a JSON number.
func exact(number json.Number) *big.Rat {
	value, _ := new(big.Rat).SetString(number.String())
	return value
}
