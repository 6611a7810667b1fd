package main

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
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
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
		{"Java", "Venda.java", []string{"java", "javac"}, nil, []string{"java", "SRC"}},
		{"C#", "Venda.cs", []string{"mcs", "mono"}, []string{"mcs", "-out:OUT/Venda.exe", "-r:System.Net.Http.dll", "SRC"}, []string{"mono", "OUT/Venda.exe"}},
		{"Pascal", "venda.pas", []string{"fpc"}, []string{"fpc", "-v0", "-FEOUT", "-FUOUT", "SRC"}, []string{"OUT/venda"}},
	}
}

// Each example sells once to a member with the discounts of the simulated cloud, once in contingency, and says in words
// why it was refused.
func TestExamplesOfEveryLanguageSell(t *testing.T) {
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			for _, tool := range l.needs {
				if _, err := exec.LookPath(tool); err != nil {
					agenttest.Missing(t, tool)
				}
			}
			s := newSite(t).open()
			if err := s.clouds.Mercafacil.Seed(); err != nil {
				t.Fatal(err)
			}
			sell := s.example(l)
			if out, err := sell("LIVE-1", tillToken); err != nil || !strings.Contains(strings.ReplaceAll(out, " ", ""), "queued") {
				t.Fatalf("%v\n%s", err, out)
			}
			s.drained()
			wantExample(t, s.clouds.Mercafacil.Coupons(), "LIVE-1", "52998224725", "55.237", "3")
			s.clouds.Leave()
			if out, err := sell("AWAY-1", tillToken); err != nil {
				t.Fatalf("without a link: %v\n%s", err, out)
			}
			if err := s.clouds.Return(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.drained()
			wantExample(t, s.clouds.Mercafacil.Coupons(), "AWAY-1", "52998224725", "66.93", "")
			s.wantSoldOnce("LIVE-1", "AWAY-1")
			if out, err := sell("NEVER", "x"); err == nil || !strings.Contains(out, "token") {
				t.Errorf("with a wrong token: %v\n%s", err, out)
			}
		})
	}
}

// example builds a program of docs/exemplos and gives what runs it.
func (s *site) example(l language) func(coupon, token string) (string, error) {
	s.t.Helper()
	source, err := filepath.Abs(filepath.Join("..", "..", "docs", "exemplos", l.file))
	if err != nil {
		s.t.Fatal(err)
	}
	place := strings.NewReplacer("SRC", source, "OUT", s.t.TempDir())
	call := func(words []string, extra ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
		s.t.Cleanup(cancel)
		args := make([]string, 0, len(words)+len(extra))
		for _, word := range words {
			args = append(args, place.Replace(word))
		}
		args = append(args, extra...)
		return exec.CommandContext(ctx, args[0], args[1:]...)
	}
	if l.build != nil {
		if out, err := call(l.build).CombinedOutput(); err != nil {
			s.t.Fatalf("%v\n%s", err, out)
		}
	}
	address := s.watched()
	return func(coupon, token string) (string, error) {
		command := call(l.run, coupon)
		command.Env = append(os.Environ(), "PDVAGENT_URL="+address, "PDVAGENT_TOKEN="+token, "LC_ALL=C.UTF-8")
		out, err := command.CombinedOutput()
		return string(out), err
	}
}

// watched gives an address that leads to the agent and holds every call against openapi.yaml on the way.
func (s *site) watched() string {
	s.t.Helper()
	document, err := theContract()
	if err != nil {
		s.t.Fatal(err)
	}
	type sentKey struct{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			sent, err := io.ReadAll(r.In.Body)
			if err != nil {
				s.t.Error(err)
			}
			r.Out.Body = io.NopCloser(bytes.NewReader(sent))
			r.Out = r.Out.WithContext(context.WithValue(r.Out.Context(), sentKey{}, sent))
			r.SetURL(parsed(s.t, s.base))
		},
		ModifyResponse: func(response *http.Response) error {
			got, err := io.ReadAll(response.Body)
			response.Body = io.NopCloser(bytes.NewReader(got))
			sent, _ := response.Request.Context().Value(sentKey{}).([]byte)
			if wrong := document.check(response.Request, sent, response, got); wrong != nil {
				s.t.Errorf("openapi.yaml, %s: %v\nrequest: %s\nanswer: %s", response.Request.URL.Path, wrong, sent, got)
			}
			return err
		},
	}
	server := httptest.NewServer(proxy)
	s.t.Cleanup(server.Close)
	return server.URL
}

// sameNumber compares a JSON number or numeric text exactly.
func sameNumber(got any, want string) bool {
	x, isNumber := new(big.Rat).SetString(fmt.Sprint(got))
	y, _ := new(big.Rat).SetString(want)
	return isNumber && x.Cmp(y) == 0
}

// wantExample looks at what arrived: the discounts of the answer are in the receipt, to the thousandth.
func wantExample(t *testing.T, coupons []mercafacilsim.Coupon, id, client, total, cashback string) {
	t.Helper()
	for _, coupon := range coupons {
		if coupon.ID != id {
			continue
		}
		got := answer{body: string(coupon.Body)}
		payments, _ := got.field("payments").([]any)
		if got.field("client_id") != client || !sameNumber(got.field("total_value_with_discount"), total) || (len(payments) == 2) != (cashback != "") || len(coupon.Warnings) > 0 {
			t.Errorf("%s arrived as %s, %v", id, coupon.Body, coupon.Warnings)
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
	entries, err := os.ReadDir(filepath.Join("..", "..", "docs", "exemplos"))
	if err != nil {
		t.Fatal(err)
	}
	table := manual(t, filepath.Join("exemplos", "README.md"))
	for _, entry := range entries {
		if entry.Name() != "README.md" && !strings.Contains(table, "["+entry.Name()+"]("+entry.Name()+")") {
			t.Errorf("the table does not have %s", entry.Name())
		}
	}
	if len(entries) != len(languages())+1 {
		t.Errorf("%d files, %d languages", len(entries), len(languages()))
	}
	if got := newSite(t).open().call(http.MethodGet, "/docs", "", ""); got.status != http.StatusOK {
		t.Errorf("the table sends its readers to /docs: %d", got.status)
	}
}
