package mercafacil_test

import (
	"fmt"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil"
)

// What the cloud would refuse for its type alone goes up as the contract wants it, and everything else as the till wrote it.
func TestAReceiptGoesUpAsItCameButForWhatTheContractRefuses(t *testing.T) {
	sale := agenttest.Receipt("C-1", "T-1")
	for _, c := range []struct{ name, from, to, wire string }{
		{"codes as numbers", `"sku":"80215","ean":"7890000000017"`, `"sku":80215,"ean":7890000000017`, `"sku":"80215","ean":"7890000000017"`},
		{"an ean that is null", `"ean":"7890000000017"`, `"ean":null`, `"ean":""`},
		{"numbers as Free Pascal writes them", `"quantity":1.235`, `"quantity":1.2350000000000001E+000`, `"quantity":1.2350000000000001E+000`},
		{"numbers as PHP writes them", `"unit_value":29.90`, `"unit_value":29.899999999999999`, `"unit_value":29.899999999999999`},
		{"a numeric text that the contract takes", `"quantity":1.235`, `"quantity":"1.235000"`, `"quantity":"1.235000"`},
		{"a numeric text with an exponent", `"quantity":1.235`, `"quantity":"1.235E+0"`, `"quantity":1.235`},
		{"a numeric text without its zero", `"amount":5.00`, `"amount":" 5."`, `"amount":5`},
		{"a document with punctuation", `"client_id":"0"`, `"client_id":"529.982.247-25"`, `"client_id":"52998224725"`},
		{"a document as a number", `"client_id":"0"`, `"client_id":52998224725`, `"client_id":"52998224725"`},
		{"nobody as a number", `"client_id":"0"`, `"client_id":0`, `"client_id":"0"`},
		{"a document that is null", `"client_id":"0"`, `"client_id":null`, `"client_id":""`},
		{"an operator as a number", `"operator_id":"0123"`, `"operator_id":123`, `"operator_id":"123"`},
		{"a text that the agent does not use", `"origin":"pdv"`, `"origin":7`, `"origin":"7"`},
		{"instalments as a text", `"instalments":1`, `"instalments":"1"`, `"instalments":1`},
		{"instalments as a double near a whole", `"instalments":1`, `"instalments":2.0000000000000004`, `"instalments":2`},
		{"instalments as a text near a whole", `"instalments":1`, `"instalments":"0.0000000001"`, `"instalments":0`},
		{"a numeric text with a comma", `"amount":5.00`, `"amount":"5,00"`, `"amount":5`},
		{"a weight as a text with a comma", `"quantity":1.235`, `"quantity":" 1,235"`, `"quantity":1.235`},
		{"a numeric text of a fixed width", `"amount":5.00`, `"amount":"0000005.00"`, `"amount":5`},
		{"a numeric text below one", `"amount":5.00`, `"amount":"0.50"`, `"amount":"0.50"`},
		{"the mask of an empty document", `"client_id":"0"`, `"client_id":"   .   .   -  "`, `"client_id":""`},
		{"a document of spaces", `"client_id":"0"`, `"client_id":"  "`, `"client_id":""`},
		{"packing that is null", `"packing_quantity":1`, `"packing_quantity":null`, `"packing_quantity":1`},
		{"an unknown field", `"origin":"pdv"`, `"origin":"pdv","x":[1.50,null]`, `"origin":"pdv","x":[1.50,null]`},
	} {
		if !strings.Contains(sale, c.from) {
			t.Fatalf("%s: the sample has no %s", c.name, c.from)
		}
		_, form := mercafacil.ReadSale(value(t, strings.Replace(sale, c.from, c.to, 1)))
		if want := strings.Replace(sale, c.from, c.wire, 1); len(form.Faults) > 0 || string(form.Wire()) != want {
			t.Errorf("%s: got %v\n%s, want\n%s", c.name, form.Faults, form.Wire(), want)
		}
	}
}

func TestWhatTheContractRequiresAndIsMissingGoesUpEmpty(t *testing.T) {
	const text = `{"coupon":"C","date":"2026-05-14","time":"10:00:00","items":[{"quantity":1,"unit_value":1,"total_value":1,"total_value_with_discount":1}],"total_value":1,"total_value_with_discount":1}`
	const want = `{"coupon":"C","date":"2026-05-14","time":"10:00:00","items":[{"quantity":1,"unit_value":1,"total_value":1,"total_value_with_discount":1,"sku":"","ean":""}],"total_value":1,"total_value_with_discount":1,"client_id":"","pdv_code":"","operator_id":"","payments":[]}`
	if _, form := mercafacil.ReadSale(value(t, text)); len(form.Faults) > 0 || string(form.Wire()) != want {
		t.Errorf("got %v, %s", form.Faults, form.Wire())
	}
}

func TestNotesOfAReadingAreOneAKind(t *testing.T) {
	text := strings.NewReplacer(`"sku":"80215"`, `"sku":80215`, `"operator_id":"0123"`, `"operator_id":123`, `"quantity":1.235`, `"quantity":1.23456`).Replace(agenttest.Receipt("C", "T"))
	_, form := mercafacil.ReadSale(value(t, text))
	want := []agent.Note{{Code: agent.NoteNumberText, Field: "operator_id", Count: 2}, {Code: agent.NoteRounded, Field: "items[1].quantity"}}
	if fmt.Sprint(form.Notes) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", form.Notes, want)
	}
}

func TestRecordsOfALoadGoUpAsTheContractWants(t *testing.T) {
	shape := mercafacil.Shape(agent.KindProducts, false)
	for text, want := range map[string]string{
		`{"sku":80215,"ean":7890000000017,"name":"CAFE","price":2.9899999999999999E+001}`: `{"sku":"80215","ean":"7890000000017","name":"CAFE","price":2.9899999999999999E+001}`,
		`{"sku":"1","ean":null,"name":"CAFE","price":null,"cost":".5","active":null}`:     `{"sku":"1","ean":"","name":"CAFE","cost":0.5}`,
		`{"sku":"1","ean":"1","name":"CAFE","price":"1.012,90"}`:                          `{"sku":"1","ean":"1","name":"CAFE","price":1012.9}`,
		`{"sku":"1","name":"CAFE","brand":null}`:                                          `{"sku":"1","name":"CAFE","brand":"","ean":""}`,
		`{"price":null,"cost":null,"sku":"1","ean":"1","name":"CAFE","x":null}`:           `{"sku":"1","ean":"1","name":"CAFE","x":null}`,
	} {
		if key, form := mercafacil.ReadRecord(shape, value(t, text)); len(form.Faults) > 0 || string(form.Wire()) != want || key == "" {
			t.Errorf("%s: key %q, %v\ngot %s", text, key, form.Faults, form.Wire())
		}
	}
	for text, field := range map[string]string{
		`{"sku":7.89e3,"ean":"","name":"A"}`: "sku", `{"sku":null,"ean":"","name":"A"}`: "sku", `{"sku":"1","ean":1.5,"name":"A"}`: "ean",
		`{"sku":"1","ean":"1","name":""}`: "name", `{"sku":"1","ean":"1","name":"A","price":"1,5.0"}`: "price", `{"sku":"1","ean":"1","name":"A","active":1}`: "active",
	} {
		if _, form := mercafacil.ReadRecord(shape, value(t, text)); len(form.Faults) != 1 || form.Faults[0].Field != field {
			t.Errorf("%s: got %v", text, form.Faults)
		}
	}
}

func TestADifferenceToTheCloudsFiguresIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		`{"quantity":1,"total_value_without_discount":1.15,"discount_value":0.0805,"total_value_with_discount":1.0695}`:                          "-0.0005",
		`{"quantity":1,"total_value_without_discount":1.15,"discount_value":0.12,"total_value_with_discount":1.035}`:                             "0.005",
		`{"quantity":1,"total_value_without_discount":1.15,"discount_value":0.11499999999999999,"total_value_with_discount":1.0350000000000001}`: "",
		`{"quantity":1,"total_value_without_discount":1.15,"discount_value":0.08}`:                                                               "",
	} {
		offered, err := mercafacil.ReadOffered(value(t, `{"items":[`+text+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		share := agent.LineShare{Discount: offered.Lines[0].Discount}
		if offered.Lines[0].Rounded {
			share.Discount = offered.Lines[0].InCents
		}
		if got := mercafacil.Rounding(offered, []agent.LineShare{share}); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
