package mercafacilsim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

const (
	member   = `{"document_no":"52998224725","name":"Maria Aparecida"}`
	stranger = "11144477735"
)

// answered posts and gives the answer's fields; another status fails the test.
func (c *caller) answered(status int, path, body string) map[string]any {
	c.t.Helper()
	got, text := c.post(path, body)
	if got != status {
		c.t.Fatalf("%s %s: got %d %s, want %d", path, body, got, text, status)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return fields
}

func (c *caller) member(text string) {
	c.t.Helper()
	if err := c.sim.AddMember(text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) offer(text string) {
	c.t.Helper()
	if err := c.sim.AddOffer(text); err != nil {
		c.t.Fatal(err)
	}
}

// start gives the id of a new session.
func (c *caller) start(dialect, document string) (string, map[string]any) {
	c.t.Helper()
	body := fmt.Sprintf(`{"document_no":%q}`, document)
	if dialect == "v2.2" {
		body = fmt.Sprintf(`{"transaction_context":{"document_no":%q,"phone":""},"transaction_id":""}`, document)
	}
	fields := c.answered(200, "/"+dialect+"/transaction/start", body)
	return fields["transaction_id"].(string), fields
}

const cafe = `"items":[{"sku":"80215","ean":"7890000000017","quantity":2,"packing_quantity":1,"total_value":20.00}]`

// schema compiles one of the contract's shapes, beside the simulator's own use of them.
func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	for _, file := range []string{"common", name} {
		raw, err := os.ReadFile(filepath.Join("schema", file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("https://mercafacil.invalid/"+file, parsed); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := compiler.Compile("https://mercafacil.invalid/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// Whatever the settings, what this cloud says is of the contract's shape.
func TestAnswersAreOfTheContractsShape(t *testing.T) {
	settings := []string{
		`{}`, `{"decimals":"string","items":"merged","unknown_fields":true,"no_totals":"zero","no_message":"null"}`,
		`{"items":"reordered","no_totals":"absent","no_message":"empty","without_responses":true,"rounds":2,"ask_document":true}`,
	}
	for _, setting := range settings {
		for _, dialect := range []string{"v2", "v2.2"} {
			for _, document := range []string{"52998224725", stranger, "12345678909", "11222333000181", ""} {
				c := newCaller(t, mercafacilsim.Config{})
				if err := c.sim.Seed(); err != nil {
					t.Fatal(err)
				}
				c.sim.RemoveMember(stranger)
				c.set(setting)
				id, started := c.start(dialect, document)
				valid(t, "start.response", started)
				apply := fmt.Sprintf(`{"transaction_id":%q}`, id)
				if dialect == "v2" {
					apply = fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,%s}`, id, document, cafe)
				} else {
					valid(t, "message.response", c.answered(200, "/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, id, cafe)))
				}
				valid(t, "apply.response", c.answered(200, "/"+dialect+"/transaction/apply", apply))
			}
		}
	}
}

func valid(t *testing.T, name string, fields map[string]any) {
	t.Helper()
	if err := schema(t, name).Validate(fields); err != nil {
		t.Errorf("%s: %v\n%v", name, err, fields)
	}
}

func TestTheManualsThreeMessages(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	c.member(`{"document_no":"12345678909","name":"Ana","notice":"app"}`)
	c.member(`{"document_no":"52998224725","name":"Maria","notice":"card"}`)

	id, started := c.start("v2", stranger)
	if text := fmt.Sprint(started["message"]); started["loyalty"] != false || !strings.Contains(text, "Digite celular com DDD") || !strings.Contains(text, "input_next_window:true") {
		t.Errorf("pre-registration: %v", started)
	}
	answer := `{"transaction_id":%q,"document_no":%q,"message_tag":%q,"input_value":"41987762038"}`
	if status, text := c.post("/v2/transaction/message", fmt.Sprintf(answer, id, stranger, "talvez")); status != 400 || !strings.Contains(text, "talvez") {
		t.Errorf("a tag that was not offered: %d %s", status, text)
	}
	c.answered(200, "/v2/transaction/message", fmt.Sprintf(answer, id, stranger, "aceitou-pre-cadastro"))
	if _, again := c.start("v2", stranger); again["loyalty"] != true {
		t.Errorf("after the pre-registration: %v", again)
	}
	if status, _ := c.post("/v2/transaction/message", fmt.Sprintf(answer, id, stranger, "aceitou-pre-cadastro")); status != 400 {
		t.Errorf("a second answer: %d", status)
	}
	if _, started = c.start("v2", "52998224725"); !strings.Contains(fmt.Sprint(started["message"]), "pré-aprovado") {
		t.Errorf("card: %v", started)
	}
	if _, started = c.start("v2", "12345678909"); !strings.Contains(fmt.Sprint(started["message"]), "qrcode2.png") || !strings.Contains(fmt.Sprint(started["message"]), "responses:[]") {
		t.Errorf("app: %v", started)
	}
}

func TestTheLoopOfTheNewerDialect(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	c.set(`{"ask_document":true,"rounds":2}`)
	id, started := c.start("v2.2", "")
	said := func(tag, input string) map[string]any {
		return c.answered(200, "/v2.2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"tag":%q,"input_value":%q}`, id, tag, input))
	}
	if started["should_display_message"] != true || !strings.Contains(fmt.Sprint(started["message"]), "input:true") {
		t.Fatalf("start: %v", started)
	}
	if next := said("informou-documento", stranger); !strings.Contains(fmt.Sprint(next["message"]), "pré-cadastro") {
		t.Errorf("got %v", next)
	}
	said("aceitou-pre-cadastro", "")
	if next := said("celular", "99"); !strings.Contains(fmt.Sprint(next["message"]), "inválido") {
		t.Errorf("a wrong phone: %v", next)
	}
	if next := said("celular", "41987762038"); next["should_display_message"] != false {
		t.Errorf("got %v", next)
	}
	pre := fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, id, cafe)
	if asked := c.answered(200, "/v2.2/transaction/pre-apply", pre); !strings.Contains(fmt.Sprint(asked["message"]), "Pergunta 1 de 2") {
		t.Errorf("got %v", asked)
	}
	said("sim-1", "")
	if last := said("nao-2", ""); last["should_display_message"] != false {
		t.Errorf("got %v", last)
	}
	if again := c.answered(200, "/v2.2/transaction/pre-apply", pre); again["should_display_message"] != false {
		t.Errorf("asked twice: %v", again)
	}
}

func TestClosedUnknownAndForeignSessions(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	id, _ := c.start("v2", "")
	one := fmt.Sprintf(`{"transaction_id":%q}`, id)
	apply := fmt.Sprintf(`{"transaction_id":%q,"client_id":"0",%s}`, id, cafe)
	c.token = "another shop"
	for _, path := range []string{"apply", "confirm", "cancel"} {
		if status, text := c.post("/v2/transaction/"+path, apply); status != 404 {
			t.Errorf("%s of another shop's session: %d %s", path, status, text)
		}
	}
	c.token = "any"
	if status, _ := c.post("/v2.2/transaction/confirm", one); status != 409 {
		t.Errorf("the other dialect: %d", status)
	}
	c.answered(200, "/v2/transaction/apply", apply)
	c.answered(200, "/v2/transaction/confirm", one)
	c.answered(200, "/v2/transaction/confirm", one)
	for _, path := range []string{"apply", "cancel"} {
		if status, text := c.post("/v2/transaction/"+path, apply); status != 409 {
			t.Errorf("%s after confirm: %d %s", path, status, text)
		}
	}
	other, _ := c.start("v2", "")
	one = fmt.Sprintf(`{"transaction_id":%q}`, other)
	c.answered(200, "/v2/transaction/cancel", one)
	if status, _ := c.post("/v2/transaction/confirm", one); status != 409 {
		t.Errorf("confirm after cancel: %d", status)
	}
	if status, _ := c.post("/v2/transaction/apply", strings.Replace(apply, id, "ghost", 1)); status != 404 {
		t.Errorf("apply of an id never given: %d", status)
	}
	if status, _ := c.post("/v2/transaction/confirm", `{"transaction_id":"ghost"}`); status != 200 {
		t.Errorf("confirm of an id never given: %d", status)
	}
	c.set(`{"unknown_sessions":"refuse"}`)
	if status, _ := c.post("/v2/transaction/confirm", `{"transaction_id":"ghost-2"}`); status != 404 {
		t.Errorf("confirm of an id never given, strictly: %d", status)
	}
}

func TestLimitsAreTakenByConfirmAndGivenBackByCancel(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	c.member(member)
	c.offer(`{"id":"cafe","type":"percentage","product":"80215","percent":10,"minimum":2,"maximum":4}`)
	sell := func(end string) string {
		id, _ := c.start("v2", "52998224725")
		c.answered(200, "/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":"52998224725",%s}`, id, cafe))
		c.answered(200, "/v2/transaction/"+end, fmt.Sprintf(`{"transaction_id":%q}`, id))
		return id
	}
	sell("cancel")
	if used := c.sim.Used("cafe", "52998224725"); used != "0.00" {
		t.Errorf("after a cancel: %s", used)
	}
	id := sell("confirm")
	if used := c.sim.Used("cafe", "52998224725"); used != "2.00" {
		t.Errorf("after a confirm: %s", used)
	}
	c.answered(201, "/v2/coupons", strings.Replace(agenttest.Receipt("C", id), `"client_id":"0"`, `"client_id":"52998224725"`, 1))
	c.answered(200, "/v2/coupons-cancellation", `{"coupon":"C"}`)
	c.answered(200, "/v2/coupons-cancellation", `{"coupon":"C"}`)
	if used := c.sim.Used("cafe", "52998224725"); used != "0.00" {
		t.Errorf("after the coupon's cancellation: %s", used)
	}
}

func TestSettingsPlayEveryVariation(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	c.offer(`{"id":"cafe","type":"percentage","product":"80215","percent":10}`)
	two := `"items":[{"sku":"80215","ean":"1","quantity":1,"total_value":10.00},{"sku":"80215","ean":"1","quantity":1,"total_value":10.00},{"sku":"2","ean":"2","quantity":1,"total_value":5}]`
	apply := func() (int, string) { return c.post("/v2/transaction/apply", `{"client_id":"0",`+two+`}`) }
	for setting, want := range map[string]string{
		`{"decimals":"string"}`:      `"discount_value":"1.00"`,
		`{"items":"merged"}`:         `"discount_value":2.00`,
		`{"items":"reordered"}`:      `[{"discount_value":0.00`,
		`{"unknown_fields":true}`:    `"x_unknown"`,
		`{"no_totals":"zero"}`:       `"absolute":{"discount_value":0.00}`,
		`{"no_totals":"null"}`:       `"payment_discount":null`,
		`{"items":"per_line"}`:       `"discount_value":1.00`,
		`{"no_totals":"absent"}`:     `"requestId"`,
		`{"slash":"with"}`:           ``,
		`{"second_apply":"replace"}`: ``,
	} {
		c.set(setting)
		status, text := apply()
		if wantStatus := map[bool]int{true: 301, false: 200}[strings.Contains(setting, "slash")]; status != wantStatus || !strings.Contains(text, want) {
			t.Errorf("%s: got %d %s, want %s", setting, status, text, want)
		}
		if err := c.sim.Set(`{"decimals":"number","items":"per_line","unknown_fields":false,"no_totals":"null","slash":"both"}`); err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []string{`{"decimals":"roman"}`, `{"rounds":-1}`, `{"colour":"red"}`, `{`} {
		if err := c.sim.Set(wrong); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
	c.set(`{"gzip":true}`)
	_, packed, header := c.do(http.MethodPost, "/v2/transaction/start", `{"document_no":""}`, "Accept-Encoding", "gzip")
	reader, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil || header.Get("Content-Encoding") != "gzip" {
		t.Fatal(err, header)
	}
	if text, _ := io.ReadAll(reader); !strings.Contains(string(text), "transaction_id") {
		t.Errorf("got %s", text)
	}
}

func TestAVariationCanBeOfOneRouteAndOnce(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	if status, text := c.post("/control/faults", `{"route":"apply","fault":"vary","settings":{"decimals":"string","gzip":false},"times":1}`); status != 201 {
		t.Fatal(status, text)
	}
	c.start("v2", "")
	for i, want := range []string{`"discount_value":"0.00"`, `"discount_value":0.00`} {
		if _, text := c.post("/v2/transaction/apply", `{"client_id":"0",`+cafe+`}`); !strings.Contains(text, want) {
			t.Errorf("call %d: got %s", i, text)
		}
	}
	if c.sim.Settings().Decimals != "number" {
		t.Error("the settings stayed varied")
	}
	c.post("/control/faults", `{"route":"confirm","fault":"vary","settings":{"slash":"with"},"times":1}`)
	if status, _ := c.post("/v2/transaction/confirm", `{"transaction_id":"T"}`); status != 301 {
		t.Errorf("got %d", status)
	}
	for _, wrong := range []string{`{"route":"apply","fault":"vary"}`, `{"route":"apply","fault":"vary","settings":{"decimals":"roman"}}`} {
		if status, text := c.post("/control/faults", wrong); status != 422 {
			t.Errorf("%s: got %d %s", wrong, status, text)
		}
	}
}

func TestUnknownFieldsStandAtEachLevel(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	c.set(`{"unknown_fields":true,"no_totals":"zero"}`)
	_, started := c.post("/v2/transaction/start", `{"document_no":"`+stranger+`"}`)
	if n := strings.Count(started, "x_unknown"); n != 5 { // top, user, message, two responses
		t.Errorf("%d in %s", n, started)
	}
	_, applied := c.post("/v2/transaction/apply", `{"client_id":"0",`+cafe+`}`)
	if n := strings.Count(applied, "x_unknown"); n != 4 { // top, item, two totals
		t.Errorf("%d in %s", n, applied)
	}
}

func TestStrictnessNamesTheFieldAndCanBeLifted(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	for path, body := range map[string]string{
		"/v2/transaction/start":       `{"document":"1"}`,
		"/v2.2/transaction/start":     `{"document_no":"52998224725"}`,
		"/v2/transaction/message":     `{"transaction_id":"T","tag":"x"}`,
		"/v2.2/transaction/message":   `{"transaction_id":"T","message_tag":"x"}`,
		"/v2.2/transaction/pre-apply": `{"transaction_id":"T","items":[]}`,
		"/v2/transaction/apply":       `{"client_id":"0","items":[{"sku":"1","ean":"1","quantity":"um","total_value":1}]}`,
		"/v2.2/transaction/apply":     `{}`,
	} {
		if status, text := c.post(path, body); status != 400 || !strings.Contains(text, "field") {
			t.Errorf("%s: got %d %s", path, status, text)
		}
	}
	c.set(`{"strict":false}`)
	if status, text := c.post("/v2/transaction/start", `{"document":"1"}`); status != 200 {
		t.Errorf("lifted: got %d %s", status, text)
	}
	if arrivals := c.sim.Received(); len(arrivals[len(arrivals)-1].Warnings) != 1 {
		t.Errorf("no warning: %+v", arrivals[len(arrivals)-1])
	}
}

func TestTheClockMovesAndTheBirthdayIsGreeted(t *testing.T) {
	day := time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)
	c := newCaller(t, mercafacilsim.Config{Now: func() time.Time { return day }})
	c.member(`{"document_no":"52998224725","name":"Maria","birth_date":"2011-10-01"}`)
	if _, started := c.start("v2", "52998224725"); started["message"] != nil || started["datetime"] != "2026-09-30 12:00:00" {
		t.Errorf("the day before: %v", started)
	}
	if status, text := c.post("/control/clock", `{"advance_seconds":86400}`); status != 200 || !strings.Contains(text, "2026-10-01") {
		t.Errorf("clock: %d %s", status, text)
	}
	if _, started := c.start("v2", "52998224725"); !strings.Contains(fmt.Sprint(started["message"]), "Parabéns") {
		t.Errorf("the day: %v", started)
	}
	if _, _, header := c.do(http.MethodGet, "/", ""); !strings.Contains(header.Get("Date"), "01 Oct 2026") {
		t.Errorf("Date: %s", header.Get("Date"))
	}
}

func TestThePageShowsEverythingAsText(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	if status, text := c.post("/control/seed", ""); status != 200 {
		t.Fatal(status, text)
	}
	c.member(`{"document_no":"52998224725","name":"<img src=x onerror=alert(1)>"}`)
	id, _ := c.start("v2", "52998224725")
	c.post("/v2/coupons", agenttest.Receipt("CUPOM-1", id))
	c.post("/control/faults", `{"route":"apply","fault":"excess"}`)
	_, all, _ := c.do(http.MethodGet, "/control/everything", "")
	for _, want := range []string{id, "CUPOM-1", "excess", "cinco-reais", "onerror", "transaction was not confirmed"} {
		if !strings.Contains(all, want) {
			t.Errorf("the page's data lack %q", want)
		}
	}
	_, page, header := c.do(http.MethodGet, "/control/", "")
	if strings.Contains(page, "onerror") || strings.Contains(page, "innerHTML") || !strings.Contains(page, "textContent") || !strings.Contains(header.Get("Content-Type"), "text/html") {
		t.Error("the page may show markup from outside")
	}
}

func TestOffersAndMembersThatMakeNoSenseAreRefused(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	for _, offer := range []string{
		`{"type":"percentage","product":"1","percent":10}`, `{"id":"a","type":"percentage","percent":10}`, `{"id":"a","type":"percentage","product":"1","percent":101}`,
		`{"id":"a","type":"takepay","product":"1","take":2,"pay":2}`, `{"id":"a","type":"combo","product":"1","percent":10}`, `{"id":"a","type":"absolute"}`,
		`{"id":"a","type":"gift"}`, `{"id":"a","type":"absolute","value":5,"colour":"red"}`,
	} {
		if status, text := c.post("/control/offers", offer); status != 422 {
			t.Errorf("%s: got %d %s", offer, status, text)
		}
	}
	for _, wrong := range []string{`{"document_no":"12345678901"}`, `{"document_no":"52998224725","notice":"letter"}`} {
		if status, text := c.post("/control/members", wrong); status != 422 {
			t.Errorf("%s: got %d %s", wrong, status, text)
		}
	}
}
