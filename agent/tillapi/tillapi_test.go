package tillapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

func TestPreferWaitIsReadAsTheStandardSays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "wait=5": 5 * time.Second, "respond-async, wait=10": 10 * time.Second, "WAIT = 3": 3 * time.Second, `wait="7"`: 7 * time.Second,
		"wait=31": 30 * time.Second, "wait=999999": 30 * time.Second, "wait=0": 0, "wait=-1": 0, "wait=soon": 0, "waiting=5": 0, "wait": 0,
	} {
		if got := preferWait([]string{text}); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func parse(t *testing.T, text string) rawjson.Value {
	t.Helper()
	v, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOnlyFieldsOfTheAllowListAreShown(t *testing.T) {
	const original = `{"client_id":"52998224725","coupon":"C-1","cpf_nota":52998224725,"nome":"MARIA","items":[{"sku":"1","obs":["MARIA"]}],"total_value":10.00,"ok":true,"x":null,"document_no":"1"}`
	const want = `{"client_id":"***982247**","coupon":"C-1","cpf_nota":"[número]","nome":"[texto de 5]","items":[{"sku":"1","obs":["[texto de 5]"]}],"total_value":10.00,"ok":true,"x":null,"document_no":"*"}`
	if got := string(mask([]byte(original), parse(t, original))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSupportReadsWhyTheCloudRefusesWithoutAnybodysNumber(t *testing.T) {
	const body = `{"statusCode":422,"message":"client_id 529.982.247-25 of 52998224725 is unknown, 12 items","user":{"name":"MARIA"}}`
	const want = `{"statusCode":422,"message":"client_id ************** of *********** is unknown, 12 items","user":{"name":"[texto de 5]"}}`
	if got := string(maskAnswer(&agent.Answer{Status: 422, Body: []byte(body)}, parse(t, body))); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(maskAnswer(&agent.Answer{Status: 200, Body: []byte(body)}, parse(t, body))); strings.Contains(got, "unknown") {
		t.Errorf("an answer that is no refusal shows %s", got)
	}
}

func TestMaskSentBackUnchangedKeepsTheOriginal(t *testing.T) {
	const original = `{"client_id":"52998224725","fone":41987762038,"nome":"MARIA","items":[{"obs":"JOSE"},{"obs":"ANA"}],"coupon":"C"}`
	masked := string(mask([]byte(original), parse(t, original)))
	for name, c := range map[string]struct{ edited, want string }{
		"nothing changed": {masked, original},
		"another value":   {strings.Replace(masked, `"***982247**"`, `"0"`, 1), strings.Replace(original, `"52998224725"`, `"0"`, 1)},
		"a shown value":   {strings.Replace(masked, `"C"`, `"D"`, 1), strings.Replace(original, `"C"`, `"D"`, 1)},
		"a line less":     {strings.Replace(masked, `,{"obs":"[texto de 3]"}`, ``, 1), strings.Replace(original, `,{"obs":"ANA"}`, ``, 1)},
		"a field less":    {strings.Replace(masked, `"nome":"[texto de 5]",`, ``, 1), strings.Replace(original, `"nome":"MARIA",`, ``, 1)},
		"another's mask":  {strings.Replace(masked, `"[texto de 4]"`, `"[texto de 3]"`, 1), strings.Replace(original, `"JOSE"`, `"[texto de 3]"`, 1)},
	} {
		if got := string(unmask([]byte(c.edited), parse(t, c.edited), parse(t, original))); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// fullSales is a store without room, until it has some.
type fullSales struct {
	Sales
	err error
}

func (f *fullSales) Accept(context.Context, agent.Submission) (agent.Receipt, error) {
	return agent.Receipt{Job: "1"}, f.err
}

type idle struct{ Engine }

type silent struct{ Sessions }

type emptyStore struct {
	Queue
	Overview
}

func (emptyStore) Counters() agent.Counters { return agent.Counters{} }

func TestFullStoreIsToldByStatusAndAlarmUntilThereIsRoom(t *testing.T) {
	sales := &fullSales{err: agent.Errorf(agent.CodeStoreFull, nil, "cheio")}
	alarms := new(agent.Alarms)
	api, err := New(Config{
		Sales: sales, Sessions: silent{}, Circuit: func() agent.Circuit { return agent.Circuit{} }, Engine: idle{}, Queue: emptyStore{}, Overview: emptyStore{}, Alarms: alarms,
		Wires: func(uint64, int) ([]byte, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	post := func() int {
		request := httptest.NewRequest(http.MethodPost, "/v2/coupons", strings.NewReader("{}"))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		api.submit(agent.KindCoupon, agent.V2)(recorder, request)
		return recorder.Code
	}
	if status := post(); status != http.StatusInsufficientStorage || api.AlarmCode() != agent.AlarmStoreFull {
		t.Errorf("got %d, alarm %q", status, api.AlarmCode())
	}
	sales.err = nil
	if status := post(); status != http.StatusAccepted || api.AlarmCode() != "" {
		t.Errorf("got %d, alarm %q", status, api.AlarmCode())
	}
}
