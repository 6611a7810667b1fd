package traffic_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/traffic"
)

// 2,000 spellings of persons' numbers and names in the exchanges of all sides, as ids, in refusals, as what is no JSON: the
// journal's lines show none.
func TestNoSpellingOfAPersonIsInTheJournal(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		spellings := agenttest.Spellings()[:agenttest.Amount(2000, 200)]
		for i, s := range spellings {
			quoted, err := json.Marshal(s.Text)
			if err != nil {
				d.Error(err)
			}
			body := strings.ReplaceAll(`{"coupon":X,"transaction_id":X,"job":X,"message":X,"errors":[{"field":X,"message":X}],X:[X],"date":X,"items":[{"product_name":X}]}`, "X", string(quoted))
			x := agent.Exchange{At: time.Now(), Side: agent.Sides()[i%3], Method: "POST", Route: "/v2/coupons", Status: []int{200, 422}[i%2], Request: []byte(body), Response: []byte(body)}
			if i%5 == 0 {
				x.Response = []byte("<p>" + s.Text + "</p>")
			}
			d.Record(x)
			if i%200 == 199 {
				d.settle() // more would not find room at once
			}
		}
		lines := d.lines(traffic.Query{Limit: len(spellings)})
		text, err := json.Marshal(lines)
		if err != nil || len(lines) != len(spellings) {
			d.Errorf("%d lines of %d, %v", len(lines), len(spellings), err)
		}
		if seen := agenttest.Sightings(string(text), spellings); len(seen) > 0 {
			d.Errorf("%d are seen, such as %q", len(seen), seen[0].Text)
		}
	})
}
