package operation

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

// 2,000 spellings of persons' numbers and names in the bodies of every route, as ids of sales and codes of tills, in the
// cloud's answers and in queries: nothing that support sees or copies, and no file, has one, however it is written (SEC-14).
func TestNoSpellingOfAPersonIsLeft(t *testing.T) {
	spellings := agenttest.Spellings()
	s := e2e.NewSiteShortDeadline(t).Start()
	sellAs(s, spellings)
	knockAs(s, spellings[:agenttest.Amount(2000, 600)])
	s.WaitDrained()
	s.Until("the journal is written", func() bool { return len(s.Journal("?limit=500")) > agenttest.Amount(300, 130) })
	seen := map[string]string{"queue ls": s.Command(0, "queue", "ls")}
	for _, path := range []string{"/v1/status", "/v1/traffic?limit=500", "/v1/queue?limit=500", "/v1/queue?state=dead&limit=500", "/v1/queue?state=held&limit=500", "/v1/queue?state=unread", "/metrics"} {
		seen[path] = s.Call(http.MethodGet, path, e2e.SupportToken, "").Body
	}
	for seq := range 40 {
		path := fmt.Sprint("/v1/queue/", seq+1)
		seen[path] = s.Call(http.MethodGet, path, e2e.SupportToken, "").Body
		if strings.Contains(seen[path], `"state":"dead"`) {
			seen["queue show"] = s.Command(0, "queue", "show", fmt.Sprint(seq+1))
		}
	}
	for name, text := range unpacked(s, "spellings.zip") {
		seen["bundle "+name] = text
	}
	s.Stop()
	seen["log"] = s.AgentLog.String()
	e2e.EachFile(t, s.DataDir(), func(path string, content []byte) { seen[path] = string(content) })
	if !strings.Contains(seen["/v1/status"], "till_clock") || !strings.Contains(seen["queue show"], "422") || !strings.Contains(seen["/v1/traffic?limit=500"], "[texto de") {
		t.Errorf("too little was looked at: %s\n%s", seen["/v1/status"], seen["queue show"])
	}
	for name, text := range seen {
		if found := agenttest.Sightings(text, spellings); len(found) > 0 {
			t.Errorf("%s shows %d, such as %q", name, len(found), found[0].Text)
		}
	}
}

// sellAs sells with spellings as the sale's id and the till's code, of which the cloud refuses most in words with spellings.
func sellAs(s *e2e.Site, spellings []agenttest.Spelling) {
	s.Helper()
	for i := range 40 {
		text := string(rawjson.Quote(spellings[i*50].Text))
		s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1, Body: strings.ReplaceAll(
			`{"message":"cliente `+strings.Trim(text, `"`)+` bloqueado","errors":[{"field":X,"message":X,X:X}],"date":X,"code":X}`, "X", text)})
		receipt := agenttest.ReceiptWith(`"coupon":` + text + `,"transaction_id":` + text + `,"client_id":"0","nome":` + text)
		s.Post("/v2/coupons", strings.NewReplacer(`"012"`, text, "2026-05-14", "2031-05-14").Replace(receipt)) // a clock that raises an alarm
	}
}

// knockAs calls every route that takes a body, each time with ten spellings in the fields of tills and clouds.
func knockAs(s *e2e.Site, spellings []agenttest.Spelling) {
	s.Helper()
	var list []door
	for _, d := range doors(s.T) {
		if d.method != http.MethodGet {
			list = append(list, d)
		}
	}
	names := agenttest.FieldNames()
	for call := range len(spellings) / 10 {
		var body strings.Builder
		body.WriteString(`{"x":0`)
		for i, name := range names {
			text := rawjson.Quote(spellings[call*10+i%10].Text)
			fmt.Fprintf(&body, `,%q:%s`, name, text)
		}
		for i := range 10 {
			fmt.Fprintf(&body, `,%s:1`, rawjson.Quote(fmt.Sprint(i, spellings[call*10+i].Text)))
		}
		body.WriteString(`}`)
		d := list[call%len(list)]
		d.path += "?key=" + url.QueryEscape(spellings[call*10].Text)
		knock(s, d, "Host: HOST\nAuthorization: Bearer "+e2e.SupportToken+"\nContent-Type: application/json\n", body.String())
	}
}
