package reading_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

func TestMistakesWhoseMeaningIsPlainAreMended(t *testing.T) {
	for text, want := range map[string]struct {
		mended  string
		repairs []reading.Repair
	}{
		`{"a":1,}`:                              {`{"a":1}`, []reading.Repair{reading.RepairComma}},
		`[1,2, ]`:                               {`[1,2 ]`, []reading.Repair{reading.RepairComma}},
		"{\"a\":\"\", // nothing\n}":            {"{\"a\":\"\" \n}", []reading.Repair{reading.RepairComment, reading.RepairComma}},
		`/* head */{"a":/* x */1}`:              {`{"a":1}`, []reading.Repair{reading.RepairComment}},
		"{\"a\":1\n\"b\":2}":                    {"{\"a\":1\n,\"b\":2}", []reading.Repair{reading.RepairMissingComma}},
		`{"a":false "b":[{} {}]}`:               {`{"a":false ,"b":[{} ,{}]}`, []reading.Repair{reading.RepairMissingComma}},
		"[{\"a\":1}\r\n{\"a\":2}]":              {"[{\"a\":1}\r\n,{\"a\":2}]", []reading.Repair{reading.RepairMissingComma}},
		"{}\x00\x00":                            {"{}", []reading.Repair{reading.RepairEnd}},
		"{}\r\n\x1a":                            {"{}", []reading.Repair{reading.RepairEnd}},
		"\xef\xbb\xbf{}":                        {"{}", []reading.Repair{reading.RepairEnd}},
		`{"a":.5,"b":5.,"c":+5,"d":-.5}`:        {`{"a":0.5,"b":5,"c":5,"d":-0.5}`, []reading.Repair{reading.RepairNumber}},
		`{"sku":007,"v":00.50,"e":+1.e+02}`:     {`{"sku":"007","v":0.50,"e":1e+02}`, []reading.Repair{reading.RepairNumber}},
		`{"quantity": 1,5, "unit_value": 2,50}`: {`{"quantity": 1.5 ,"unit_value": 2.50}`, []reading.Repair{reading.RepairNumber}},
		`{"a":True,"b":FALSE,"c":NULL}`:         {`{"a":true,"b":false,"c":null}`, []reading.Repair{reading.RepairWord}},
		`{"a":1,"b":2,"a":1.0}`:                 {`{"a":1,"b":2}`, []reading.Repair{reading.RepairDuplicate}},
		`{"a":"// no comment","b":"x,}",}`:      {`{"a":"// no comment","b":"x,}"}`, []reading.Repair{reading.RepairComma}},
		`{"a":"\"","b":[1,5],}`:                 {`{"a":"\"","b":[1,5]}`, []reading.Repair{reading.RepairComma}},
	} {
		mended, v, repairs, err := reading.Document([]byte(text))
		if err != nil || string(mended) != want.mended || !slices.Equal(repairs, want.repairs) {
			t.Errorf("%q: got %q, %v, %v", text, mended, repairs, err)
			continue
		}
		if again, err := rawjson.Parse(mended); err != nil || string(again.Canonical()) != string(v.Canonical()) {
			t.Errorf("%q: the value is not that of the mended text", text)
		}
	}
}

func TestAStrictTextKeepsItsBytes(t *testing.T) {
	text := []byte("{ \"a\" : 3.6930000000000000E+001 ,\n\"b\":[ ] }\r\n")
	mended, _, repairs, err := reading.Document(text)
	if err != nil || string(mended) != string(text) || len(repairs) != 0 {
		t.Errorf("got %q, %v, %v", mended, repairs, err)
	}
}

func TestWhatHasNoPlainMeaningIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]reading.SyntaxError{
		`{"name":"TV 32" LED"}`:      {Line: 1, Column: 17, Shape: ` 99" xxx"}`},
		"{\n \"name\": \"a\tb\"\n}":  {Line: 2, Column: 12, Shape: `: "x?x"?}`},
		"{\"name\":\"\x00\"}":        {Line: 1, Column: 10, Shape: `xx":"?"}`},
		`{"a":"1" "b":2}`:            {Line: 1, Column: 10, Shape: `:"9" "x":9`},
		`{"a":1"b":2}`:               {Line: 1, Column: 7, Shape: `"x":9"x":9`},
		`{"a":1,,"b":2}`:             {Line: 1, Column: 8, Shape: `":9,,"x":`},
		`{"a":}`:                     {Line: 1, Column: 6, Shape: `{"x":}`},
		`{"a":NaN}`:                  {Line: 1, Column: 6, Shape: `{"x":xxx}`},
		`{a:1}`:                      {Line: 1, Column: 2, Shape: `{x:9}`},
		`{"a":1.234,56}`:             {Line: 1, Column: 12, Shape: `.999,99}`},
		`{"ç":"ã" x}`:                {Line: 1, Column: 10, Shape: `:"x" x}`},
		`{"a":1`:                     {Line: 1, Column: 7, Shape: `"x":9`},
		``:                           {Line: 1, Column: 1},
		"{\"a\":\"x\"\n\"b\" \"c\"}": {Line: 2, Column: 5, Shape: `?"x" "x"}`},
		`{"a":1} {}`:                 {Line: 1, Column: 9, Shape: `":9} {}`},
	} {
		_, _, _, err := reading.Document([]byte(text))
		got, ok := errors.AsType[*reading.SyntaxError](err)
		if !ok || !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("%q: got %v", text, err)
			continue
		}
		if got.Line != want.Line || got.Column != want.Column || (want.Shape != "" && !strings.Contains(got.Shape, want.Shape) && got.Shape != want.Shape) {
			t.Errorf("%q: got %+v, want %+v", text, *got, want)
		}
	}
}

func TestDuplicatesDepthAndEncodingAreNeverMended(t *testing.T) {
	for text, want := range map[string]error{
		`{"a":1,"a":2,}`: rawjson.ErrDuplicateKey, `{"x":{"a":1,"\u0061":"1"},}`: rawjson.ErrDuplicateKey,
		strings.Repeat("[", 65) + strings.Repeat("]", 65) + "\x00": rawjson.ErrTooDeep, "{\"a\":\"\xe9\",}": rawjson.ErrEncoding,
	} {
		if _, _, _, err := reading.Document([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", text, err, want)
		}
	}
}

func FuzzDocument(f *testing.F) {
	agenttest.Seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		mended, v, repairs, err := reading.Document(text)
		if err != nil {
			if strict, strictErr := rawjson.Parse(text); strictErr == nil {
				t.Fatalf("refused, and it is JSON: %s", strict.Raw())
			}
			return
		}
		again, err := rawjson.Parse(mended)
		if err != nil {
			t.Fatalf("%q was mended to %q: %v", text, mended, err)
		}
		if string(again.Canonical()) != string(v.Canonical()) {
			t.Fatal("the value is not that of the mended text")
		}
		if len(repairs) == 0 && string(mended) != string(text) {
			t.Fatalf("%q became %q, and nothing was noted", text, mended)
		}
	})
}

// A text of the largest size is read in time that grows with it, whatever is in it.
func BenchmarkDocumentOfAMebibyte(b *testing.B) {
	for name, text := range map[string]string{
		"strict":                      `[` + strings.Repeat(`{"a":1.5},`, 100_000) + `0]`,
		"a comma at the end":          `[` + strings.Repeat(`{"a":1.5},`, 100_000) + `]`,
		"a large value, then doubles": `{"a":"` + strings.Repeat("x", 500_000) + `",` + strings.Repeat(`"a":1,`, 80_000) + `}`,
		"deep":                        strings.Repeat(`{"a":`, 60) + `[` + strings.Repeat(`1,`, 500_000) + `]` + strings.Repeat(`}`, 60),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, _, _, _ = reading.Document([]byte(text)) // some are refused
			}
		})
	}
}

func TestMemberThatCanBeDoneWithoutIsLeftOutWhereItAloneHoldsTwoValuesUnderOneName(t *testing.T) {
	const message = `"message":{"responses":[{"button":"Sim","tag":"a","button":"Nao","tag":"b"}]}`
	for text, want := range map[string]string{
		`{` + message + `,"id":"T"}`:             `{"id":"T"}`,
		`{"id":"T",` + message + `}`:             `{"id":"T"}`,
		`{"id":"T",` + message + ` , "x":1,}`:    `{"id":"T"  ,"x":1}`,
		`{` + message + `}`:                      `{}`,
		"\xef\xbb\xbf{ " + message + ` , "i":1}`: `{ "i":1}`,
	} {
		mended, _, repairs, err := reading.DocumentWithout([]byte(text), "message")
		if err != nil || string(mended) != want || !slices.Contains(repairs, reading.RepairDropped) {
			t.Errorf("%s: got %q, %v, %v", text, mended, repairs, err)
		}
	}
	for _, text := range []string{`{"id":"T","id":"U",` + message + `}`, `{"other":{"a":1,"a":2}}`, `[{"a":1,"a":2}]`, `{"id":"T","message":1,"message":2}`} {
		if mended, _, _, err := reading.DocumentWithout([]byte(text), "message"); !errors.Is(err, rawjson.ErrDuplicateKey) {
			t.Errorf("%s: got %q, %v", text, mended, err)
		}
	}
	if mended, _, repairs, err := reading.DocumentWithout([]byte(`{"message":{}}`), "message"); err != nil || string(mended) != `{"message":{}}` || len(repairs) != 0 {
		t.Errorf("strict: got %q, %v, %v", mended, repairs, err)
	}
}
