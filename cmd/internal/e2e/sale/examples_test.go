package sale

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/mercafacil/mercafacilsim"
)

// language is how one of docs/exemplos is built (optional) and run; SRC is the example's path, OUT a folder.
type language struct {
	name, file string
	needs      []string
	build, run []string
}

func languages() []language {
	return []language{
		{"curl", "venda.sh", []string{"sh", "curl", "jq"}, nil, []string{"sh", "SRC"}},
		{"Python", "venda.py", []string{"python3"}, nil, []string{"python3", "SRC"}},
		{"PHP", "venda.php", []string{"php"}, nil, []string{"php", "SRC"}},
		{"Java", "Venda.java", []string{"java", "javac"}, []string{"javac", "-proc:none", "-d", "OUT", "SRC"}, []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "OUT", "Venda"}},
		{"C#", "Venda.cs", []string{"mcs", "mono"}, []string{"mcs", "-out:OUT/Venda.exe", "-r:System.Net.Http.dll", "SRC"}, []string{"mono", "OUT/Venda.exe"}},
		{"Pascal", "venda.pas", []string{"fpc"}, []string{"fpc", "-v0", "-FEOUT", "-FUOUT", "SRC"}, []string{"OUT/venda"}},
	}
}

// Each example sells once to a member with the discounts of the simulated cloud, in whole cents, once in contingency, leads the
// cloud's dialogue to its end and leaves one unanswered, and says in words why it was refused.
func TestExamplesOfEveryLanguageSell(t *testing.T) {
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			l.mustBeHere(t)
			s := e2e.NewSite(t).Start()
			if err := s.Clouds.Mercafacil.Seed(); err != nil {
				t.Fatal(err)
			}
			sell := example(s, l)
			if out, err := sell(e2e.TillToken, "", "LIVE-1"); err != nil || !strings.Contains(strings.ReplaceAll(out, " ", ""), "queued") {
				t.Fatalf("%v\n%s", err, out)
			}
			s.WaitDrained()
			wantExample(t, s.Clouds.Mercafacil.Coupons(), "LIVE-1", "52998224725", "55.24", "52.24", "3")
			wantDialogue(s, sell)
			s.Clouds.Leave()
			if out, err := sell(e2e.TillToken, "", "AWAY-1"); err != nil {
				t.Fatalf("without a link: %v\n%s", err, out)
			}
			s.ReturnClouds()
			s.WaitDrained()
			wantExample(t, s.Clouds.Mercafacil.Coupons(), "AWAY-1", "52998224725", "66.93", "66.93", "")
			s.WantSoldOnce("LIVE-1", "AWAY-1", "TALK-1", "CARD-1")
			if out, err := sell("x", "", "NEVER"); err == nil || !strings.Contains(out, "token") {
				t.Errorf("with a wrong token: %v\n%s", err, out)
			}
		})
	}
}

// mustBeHere skips the test where one of the language's tools is missing.
func (l language) mustBeHere(t *testing.T) {
	t.Helper()
	for _, tool := range l.needs {
		if _, err := exec.LookPath(tool); err != nil {
			agenttest.Missing(t, tool)
		}
	}
}

// built builds the program, which stands in folder, and gives what makes a command of it.
func (l language) built(t *testing.T, folder string) func(args ...string) *exec.Cmd {
	t.Helper()
	source, err := filepath.Abs(filepath.Join(folder, l.file))
	if err != nil {
		t.Fatal(err)
	}
	place := strings.NewReplacer("SRC", source, "OUT", t.TempDir())
	call := func(words []string, extra ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		t.Cleanup(cancel)
		args := make([]string, 0, len(words)+len(extra))
		for _, word := range words {
			args = append(args, place.Replace(word))
		}
		args = append(args, extra...)
		return exec.CommandContext(ctx, args[0], args[1:]...)
	}
	if l.build != nil {
		if out, err := call(l.build).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return func(args ...string) *exec.Cmd { return call(l.run, args...) }
}

// wantDialogue sells to shoppers whom the cloud asks something (v2.2): one who joins the club, with a phone that is right at the
// second attempt, and says no and yes at the subtotal; one at whom the till answers nothing; and one whose first answer ends the
// dialogue.
func wantDialogue(s *e2e.Site, sell func(token, keys string, args ...string) (string, error)) {
	s.Helper()
	s.SetCloud(`{"rounds":2}`)
	for _, sale := range []struct{ coupon, document, keys, said, shown string }{
		{"TALK-1", "39053344705", "1\n99\n1\n41987762038\n1\n2\n1\n", "start message:aceitou-pre-cadastro message:celular message:celular pre-apply message:nao-1 message:sim-2 apply confirm", "Celular inválido"},
		{"CARD-1", "11144477735", "2\n\n", "start message:nao-aceitou pre-apply apply confirm", "Pergunta 1 de 2"},
	} {
		out, err := sell(e2e.TillToken, sale.keys, sale.coupon, sale.document)
		if err != nil || !strings.Contains(out, sale.shown) {
			s.Errorf("%s: %v\n%s", sale.coupon, err, out)
		}
		s.WaitDrained()
		if list := s.SessionCalls(); list[len(list)-1] != sale.said {
			s.Errorf("%s: the cloud heard %q", sale.coupon, list[len(list)-1])
		}
	}
	members := s.Clouds.Mercafacil.Members()
	if !slices.ContainsFunc(members, func(m mercafacilsim.Member) bool { return m.Document == "39053344705" && m.Phone == "41987762038" }) {
		s.Errorf("nobody joined the club: %+v", members)
	}
}

// example builds a program of docs/exemplos and gives what runs it; keys is what is typed at it.
func example(s *e2e.Site, l language) func(token, keys string, args ...string) (string, error) {
	s.Helper()
	program := l.built(s.T, filepath.Join(agenttest.Root(), "docs", "exemplos"))
	address := watched(s)
	return func(token, keys string, args ...string) (string, error) {
		command := program(args...)
		command.Env = append(os.Environ(), "PDVAGENT_URL="+address, "PDVAGENT_TOKEN="+token, "LC_ALL=C.UTF-8")
		command.Stdin = strings.NewReader(keys)
		out, err := command.CombinedOutput()
		return string(out), err
	}
}

// watched gives an address that leads to the agent and holds every call against openapi.yaml on the way.
func watched(s *e2e.Site) string {
	s.Helper()
	document, err := e2e.OpenAPI()
	if err != nil {
		s.Fatal(err)
	}
	type sentKey struct{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			sent, err := io.ReadAll(r.In.Body)
			if err != nil {
				s.Error(err)
			}
			r.Out.Body = io.NopCloser(bytes.NewReader(sent))
			r.Out = r.Out.WithContext(context.WithValue(r.Out.Context(), sentKey{}, sent))
			r.SetURL(e2e.ParseURL(s, s.Base))
		},
		ModifyResponse: func(response *http.Response) error {
			got, err := io.ReadAll(response.Body)
			response.Body = io.NopCloser(bytes.NewReader(got))
			sent, _ := response.Request.Context().Value(sentKey{}).([]byte)
			if wrong := document.Check(response.Request, sent, response, got); wrong != nil {
				s.Errorf("openapi.yaml, %s: %v\nrequest: %s\nanswer: %s", response.Request.URL.Path, wrong, sent, got)
			}
			return err
		},
	}
	server := httptest.NewServer(proxy)
	s.Cleanup(server.Close)
	return server.URL
}

// sameNumber compares a JSON number or numeric text exactly.
func sameNumber(got any, want string) bool {
	x, isNumber := new(big.Rat).SetString(fmt.Sprint(got))
	y, _ := new(big.Rat).SetString(want)
	return isNumber && x.Cmp(y) == 0
}

// wantExample looks at what arrived: the discounts of the answer are in the receipt, each line in cents, and the cash is what the
// cashback leaves.
func wantExample(t *testing.T, coupons []mercafacilsim.Coupon, id, client, total, cash, cashback string) {
	t.Helper()
	for _, coupon := range coupons {
		if coupon.ID != id {
			continue
		}
		got := e2e.Answer{Body: string(coupon.Body)}
		payments, _ := got.Field("payments").([]any)
		if got.Field("client_id") != client || !sameNumber(got.Field("total_value_with_discount"), total) || (len(payments) == 2) != (cashback != "") || len(coupon.Warnings) > 0 {
			t.Errorf("%s arrived as %s, %v", id, coupon.Body, coupon.Warnings)
		}
		if tender, _ := payments[0].(map[string]any); !sameNumber(tender["amount"], cash) {
			t.Errorf("cash %v, want %s", tender["amount"], cash)
		}
		if cashback != "" {
			if tender, _ := payments[1].(map[string]any); !sameNumber(tender["amount"], cashback) {
				t.Errorf("cashback %v, want %s", tender["amount"], cashback)
			}
		}
		return
	}
	t.Errorf("%s did not arrive", id)
}

// The table of the examples names every file, and no other.
func TestTableOfExamplesIsComplete(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(agenttest.Root(), "docs", "exemplos"))
	if err != nil {
		t.Fatal(err)
	}
	table := e2e.Manual(t, filepath.Join("exemplos", "README.md"))
	for _, entry := range entries {
		if entry.Name() != "README.md" && !strings.Contains(table, "["+entry.Name()+"]("+entry.Name()+")") {
			t.Errorf("the table does not have %s", entry.Name())
		}
	}
	if len(entries) != len(languages())+1 {
		t.Errorf("%d files, %d languages", len(entries), len(languages()))
	}
	if got := e2e.NewSite(t).Start().Call(http.MethodGet, "/docs", "", ""); got.Status != http.StatusSeeOther {
		t.Errorf("the table sends its readers to /docs: %d", got.Status)
	}
}
