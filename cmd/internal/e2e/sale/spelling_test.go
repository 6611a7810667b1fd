package sale

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// Each till spells numbers and codes as its language's JSON writer does. The cloud checks every body against the contract's
// schema: nothing that was accepted may die there of its form.
func TestTillsSpellAsTheirLanguagesDo(t *testing.T) {
	s := e2e.NewSite(t).Start()
	sale := agenttest.Receipt("C", "")
	var coupons []string
	for name, swaps := range map[string][]string{
		"Free Pascal": {`"quantity":1.235`, `"quantity":1.2350000000000001E+000`, `36.93`, `3.6930000000000000E+001`, `:5.00`, `:5.0000000000000000E+000`, `:3,`, `:3.0000000000000000E+000,`},
		"PHP":         {`36.93`, `36.929999999999999`, `29.90`, `29.899999999999999`, `66.93`, `66.930000000000007`, `56.93`, `56.93`},
		"Java":        {`66.93`, `6.693E1`, `:3,`, `:3.0,`, `"amount":5.00`, `"amount":5`},
		"JavaScript":  {`"unit_value":10.00`, `"unit_value":10.000000000000002`, `"sku":"80215"`, `"sku":80215`, `"operator_id":"0123"`, `"operator_id":123`},
		"VB6":         {`"amount":5.00`, `"amount":" 5"`, `"quantity":1.235`, `"quantity":" 1.235"`, `"ean":"7890000000017"`, `"ean":null`},
		"nulls":       {`"transaction_id":"",`, `"transaction_id":null,`, `"client_id":"0"`, `"client_id":null`, `"packing_quantity":1`, `"packing_quantity":null`},
		"nothing":     {`"transaction_id":"",`, ``, `"client_id":"0",`, ``, `"ean":"7890000000017",`, ``, `"operator_id":"0123"`, `"x":1`},
		"a document":  {`"client_id":"0"`, `"client_id":"529.982.247-25"`},
		"scale":       {`"quantity":1.235`, `"quantity":0.501`, `29.90`, `89.90`, `36.93`, `45.00`, `66.93`, `75.00`, `56.93`, `65.00`, `51.93`, `60.00`},
	} {
		body := strings.Replace(strings.NewReplacer(swaps...).Replace(sale), `"coupon":"C"`, fmt.Sprintf(`"coupon":%q`, name), 1)
		if got := s.Post("/v2/coupons", body); got.Status != http.StatusAccepted {
			t.Errorf("%s: %d %s\n%s", name, got.Status, got.Body, body)
		}
		coupons = append(coupons, name)
	}
	s.WaitDrained()
	s.WantSoldOnce(coupons...)
}
