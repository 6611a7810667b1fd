package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/agent/sandbox"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/rig"
	"pdvagent/mercafacil/homologation"
)

const baseToken = "token-da-loja-na-base-de-homologacao"

// base is a shop's homologation base, played by the sandbox, and the shop's configuration.
type base struct {
	*testing.T
	plan   *homologation.Plan
	clouds *sandbox.Sandbox
	config string
	folder string
}

func newBase(t *testing.T, token string) *base {
	t.Helper()
	b := &base{T: t, folder: filepath.Join(t.TempDir(), "run")}
	var err error
	if b.plan, err = homologation.Load(homologation.Script); err != nil {
		t.Fatal(err)
	}
	if b.clouds, err = rig.StartClouds(t.Context(), false, baseToken); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.clouds.Close)
	b.configure(b.clouds.BaseURL(), token)
	return b
}

func (b *base) configure(url, token string) {
	b.Helper()
	answers, err := rig.Answers(b.Context(), b.TempDir(), url)
	if err != nil {
		b.Fatal(err)
	}
	answers.Token = token
	if b.config, err = rig.WriteConfig(answers); err != nil {
		b.Fatal(err)
	}
}

// register puts members and offers of the plan into the base.
func (b *base) register(offers ...string) {
	b.Helper()
	scene := sandboxScene{clouds: b.clouds, plan: b.plan}
	if err := scene.Prepare(b.Context(), homologation.Item{Needs: homologation.Needs{Offers: offers}}); err != nil {
		b.Fatal(err)
	}
}

// run does items in the base, and gives what is printed and how it ended.
func (b *base) run(items ...string) (string, error) {
	b.Helper()
	var out bytes.Buffer
	root := newRoot(&out)
	args := []string{"homologation", "run", "--against", "cloud", "--no-wait", "--folder", b.folder, "--config", b.config}
	for _, item := range items {
		args = append(args, "--item", item)
	}
	root.SetArgs(args)
	err := root.ExecuteContext(b.Context())
	return out.String(), err
}

// book is what the run has on disk.
func (b *base) book() *kit.Book {
	b.Helper()
	book, err := kit.OpenBook(filepath.Join(b.folder, "andamento.json"), evidence.AgainstCloud, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return book
}

func TestARunInTheBaseAsksForWhatItLacksAndCancelsWhatItSold(t *testing.T) {
	b := newBase(t, baseToken)
	b.register("percentual")
	out, err := b.run("H13", "H12.3", "H20.1", "H23", "A12", "H3")
	if err == nil || !strings.Contains(out, "cadastre a oferta: segunda oferta no produto 80215: 20%") {
		t.Errorf("%v\n%s", err, out)
	}
	book := b.book()
	for id, want := range map[string]bool{"H7": true, "H8": true, "H13": true, "H12.3": true, "H20.1": true, "A12": true, "H3": true, "H23": false} {
		if book.Done(id) != want {
			t.Errorf("%s is done: %v, want %v: %s", id, book.Done(id), want, book.Entries[id].Words)
		}
	}
	for _, coupon := range b.clouds.Mercafacil.Coupons() {
		if !coupon.Cancelled {
			t.Errorf("%s is left in the base", coupon.ID)
		}
	}
	for _, session := range b.clouds.Mercafacil.SessionList() {
		if session.Stage == "open" {
			t.Errorf("a session is left open: %v", session.Routes)
		}
	}
	offer, _ := b.plan.Offer("percentual-maior")
	text, err := offerText(b.plan, offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.clouds.Mercafacil.AddOffer(text); err != nil {
		t.Fatal(err)
	}
	if out, err := b.run("H23"); err != nil || !b.book().Done("H13") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestARunThatWasInterruptedCancelsItsCouponsLater(t *testing.T) {
	b := newBase(t, baseToken)
	b.register()
	if out, err := b.run("H13"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := `{"coupon":"HOM-morto-001","client_id":"0","date":"2026-11-29","time":"10:00:00","items":[{"sku":"1","ean":"1","quantity":1,"unit_value":1,"total_value":1,"total_value_with_discount":1}],"payments":[{"payment_form":"cash","amount":1}],"total_value":1,"total_value_with_discount":1,"pdv_code":"1","operator_id":"1"}`
	path := filepath.Join(b.folder, "andamento.json")
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(kept, &fields); err != nil {
		t.Fatal(err)
	}
	fields["void"] = []string{rig.CouponOf([]byte(text))}
	changed, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := b.run("H15"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cancelled := false
	for _, arrival := range b.clouds.Mercafacil.Received() {
		cancelled = cancelled || (arrival.Route == "coupon-cancellation" && rig.CouponOf(arrival.Body) == "HOM-morto-001")
	}
	if !cancelled || len(b.book().Void) != 0 {
		t.Errorf("the coupon of the run before was not cancelled; left: %v", b.book().Void)
	}
}

func TestABaseThatAnswersAPageIsNotTheAPI(t *testing.T) {
	b := newBase(t, baseToken)
	if err := b.clouds.Mercafacil.Add(simkit.Fault{Route: "*", Fault: "html"}); err != nil {
		t.Fatal(err)
	}
	out, err := b.run("H13")
	if err == nil || !strings.Contains(err.Error(), "página") || strings.Contains(out, "Falta fazer") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestABaseThatIsNotThereIsSaidAlone(t *testing.T) {
	b := newBase(t, baseToken)
	b.clouds.Leave()
	if out, err := b.run(); err == nil || !strings.Contains(err.Error(), "A nuvem não respondeu: confira mercafacil.base_url e a internet") || strings.Contains(out, "Falta fazer") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheTokenOfAnotherShopEndsTheRun(t *testing.T) {
	b := newBase(t, "token-de-outra-loja-token-de-outra")
	out, err := b.run("H13")
	if err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(out, "token-de-outra-loja") {
		t.Error("the token is printed")
	}
}

func TestNothingRunsInProduction(t *testing.T) {
	b := newBase(t, baseToken)
	for _, url := range []string{"https://discounts-secure.mercafacil.com/api/", "https://discounts-beta.mercafacil.com.example.net/api/", "https://api.mercafacil.com/"} {
		b.configure(url, baseToken)
		if _, err := b.run("H13"); err == nil || !strings.Contains(err.Error(), "homologation watch") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := os.Stat(b.folder); err == nil {
		t.Error("a refused run left a folder")
	}
}

func TestTheTokenIsWrittenNowhereByARun(t *testing.T) {
	b := newBase(t, baseToken)
	b.register()
	if out, err := b.run("H13"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	err := filepath.WalkDir(b.folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(baseToken)) {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
