package payments_test

import (
	"encoding/json"
	"testing"

	"pdvagent/payments"
)

func TestAMemberThatIsReadStandsOnce(t *testing.T) {
	type deep struct{ Amount json.Number }
	type answer struct {
		deep
		Status string          `json:"status"`
		Raw    json.RawMessage `json:"raw"`
		Inner  *deep           `json:"inner"`
		List   []deep          `json:"list"`
	}
	for text, right := range map[string]bool{
		`{"status":"paid","x":1,"x":2,"y":{"status":1,"status":2}}`: true,
		`{"status":"paid","raw":{"a":1,"a":2}}`:                     true, // whoever reads it asks again
		`{"status":"paid","inner":{"z":1,"z":2}}`:                   true,
		`not JSON`:                                        true,
		`{"status":`:                                      true,
		`null`:                                            true,
		`{"status":"open","status":"paid"}`:               false,
		`{"Status":"paid","status":"open"}`:               false,
		`{"st\u0061tus":"paid","status":"open"}`:          false,
		`{"amount":1,"status":"a","amount":2}`:            false,
		`{"raw":1,"raw":2}`:                               false,
		`{"inner":{"amount":1,"Amount":2}}`:               false,
		`{"list":[{},{"amount":1,"amount":2}]}`:           false,
		`{"y":[{"y":1}],"list":[{"amount":1}],"list":[]}`: false,
	} {
		if err := payments.Unequivocal([]byte(text), new(answer)); (err == nil) != right {
			t.Errorf("%s: %v", text, err)
		} else if err != nil && !payments.FailureOf(err).Misread {
			t.Errorf("%s: %+v", text, err)
		}
	}
	var object map[string]json.RawMessage
	if payments.Unequivocal([]byte(`{"a":1,"A":2}`), &object) != nil || payments.Unequivocal([]byte(`{"a":1,"a":2}`), &object) == nil {
		t.Error("a map reads every member, as it is spelled")
	}
}
