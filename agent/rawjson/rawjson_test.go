package rawjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
)

func parse(t *testing.T, text string) rawjson.Value {
	t.Helper()
	v, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestTextsThatAStrictReaderMustRefuse(t *testing.T) {
	for text, want := range map[string]error{
		"": rawjson.ErrMalformed, "{": rawjson.ErrMalformed, "{} {}": rawjson.ErrMalformed, `{"a":1,}`: rawjson.ErrMalformed,
		"NaN": rawjson.ErrMalformed, `{"a":1,"a":1}`: rawjson.ErrDuplicateKey, `{"a":1,"\u0061":2}`: rawjson.ErrDuplicateKey,
		`[{"x":{"b":1,"b":2}}]`: rawjson.ErrDuplicateKey, "\"\xe9\"": rawjson.ErrEncoding,
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000):       rawjson.ErrTooDeep,
		strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65): rawjson.ErrTooDeep,
		strings.Repeat("[", 1_000_000):                              rawjson.ErrTooDeep,
	} {
		if _, err := rawjson.Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", text, err, want)
		}
	}
}

func TestBracketsInsideStringsAreNoDepth(t *testing.T) {
	parse(t, `{"a":"`+strings.Repeat("[", 500)+`\"{"}`)
}

func TestValuesSayWhatTheTextSays(t *testing.T) {
	v := parse(t, ` { "id" : 12.50 , "s" : "\u00e9\n" , "n":null,"list":[ true , false ,-1.50 ] } `)
	id, _ := v.Get("id")
	if text, ok := id.Text(); !ok || text != "12.50" {
		t.Errorf("number: got %q", text)
	}
	s, _ := v.Get("s")
	if text, ok := s.Text(); !ok || text != "é\n" {
		t.Errorf("string: got %q", text)
	}
	list, _ := v.Get("list")
	if len(list.Elements) != 3 || string(list.Elements[2].Raw()) != "-1.50" || list.Elements[0].Kind != rawjson.True {
		t.Errorf("list: got %+v", list.Elements)
	}
	if n, ok := v.Get("n"); !ok || n.Kind != rawjson.Null {
		t.Errorf("null: got %+v", n)
	}
}

func TestSetMemberLeavesEveryOtherByteAlone(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{ "z":1.500 , "coupon" : "" }`, `{ "z":1.500 , "coupon" : "N" }`},
		{`{ "z" : 1e2 }`, `{ "z" : 1e2,"coupon":"N" }`},
		{`{}`, `{"coupon":"N"}`},
		{`{"a":{"coupon":"inner"}}`, `{"a":{"coupon":"inner"},"coupon":"N"}`},
	} {
		got := rawjson.SetMember([]byte(c.text), parse(t, c.text), "coupon", []byte(`"N"`))
		if string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestRemoveMemberLeavesEveryOtherByteAlone(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{ "id":"x" , "z":1.500 }`, `{ "z":1.500 }`},
		{`{"a":[1,2] ,"id":"x" , "z":1}`, `{"a":[1,2] , "z":1}`},
		{`{"a":1, "id":"x,}" }`, `{"a":1 }`},
		{`{ "id":1 }`, `{ }`},
		{`{"a":{"id":1}}`, `{"a":{"id":1}}`},
	} {
		if got := rawjson.RemoveMember([]byte(c.text), parse(t, c.text), "id"); string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestKeyOrderAndNumberSpellingDoNotCount(t *testing.T) {
	same := [][2]string{
		{`{"a":1,"b":[2,3]}`, ` { "b" : [2, 3.0], "a": 1.00 } `},
		{`{"v":10}`, `{"v":1e1}`},
		{`{"v":0.0}`, `{"v":-0}`},
		{`{"v":1200}`, `{"v":1.2E+3}`},
		{`{"s":"é"}`, `{"s":"\u00e9"}`},
	}
	for _, pair := range same {
		if a, b := parse(t, pair[0]).Canonical(), parse(t, pair[1]).Canonical(); !bytes.Equal(a, b) {
			t.Errorf("%s and %s differ: %s, %s", pair[0], pair[1], a, b)
		}
	}
	different := [][2]string{
		{`{"a":1}`, `{"a":"1"}`},
		{`{"a":1}`, `{"a":1.001}`},
		{`[1,2]`, `[2,1]`},
		{`{"a":"007"}`, `{"a":"7"}`},
		{`{"a":[]}`, `{"a":{}}`},
		{`{"a":null}`, `{}`},
		{`["a","b"]`, `["a,b"]`},
		{`{"v":1}`, `{"v":-1}`},
	}
	for _, pair := range different {
		if a, b := parse(t, pair[0]).Canonical(), parse(t, pair[1]).Canonical(); bytes.Equal(a, b) {
			t.Errorf("%s and %s are the same: %s", pair[0], pair[1], a)
		}
	}
}

// tokens is a visitor that writes down every call.
type tokens struct{ strings.Builder }

func (s *tokens) Name(i int, name rawjson.Member) {
	fmt.Fprintln(s, "name", i, name.Name, name.NameStart, name.NameEnd)
}

func (s *tokens) Scalar(under string, depth int, v rawjson.Value) {
	fmt.Fprintln(s, "scalar", under, depth, v.Kind, string(v.Raw()))
}

func (s *tokens) End(depth int, v rawjson.Value, entries int) {
	fmt.Fprintln(s, "end", depth, v.Kind, string(v.Raw()), entries)
}

func TestWalkTellsWhatTheTreeHas(t *testing.T) {
	const text = ` {"a":[1,{"b":"x","\u0063":[[2],null]},"y"],"d":{},"e":-1.5e3} `
	const want = `name 0 a 2 5
scalar a 2 48 1
name 0 b 10 13
scalar b 3 34 "x"
name 1 c 18 26
scalar c 5 48 2
end 4 91 [2] 1
scalar c 4 110 null
end 3 91 [[2],null] 2
end 2 123 {"b":"x","\u0063":[[2],null]} 2
scalar a 2 34 "y"
end 1 91 [1,{"b":"x","\u0063":[[2],null]},"y"] 3
name 1 d 44 47
end 1 123 {} 0
name 2 e 51 54
scalar e 1 48 -1.5e3
end 0 123 {"a":[1,{"b":"x","\u0063":[[2],null]},"y"],"d":{},"e":-1.5e3} 3
`
	var walked, tree tokens
	if err := rawjson.Walk([]byte(text), &walked); err != nil || walked.String() != want {
		t.Errorf("got %v\n%s", err, walked.String())
	}
	if parse(t, text).Walk(&tree); tree.String() != want {
		t.Errorf("the tree tells\n%s", tree.String())
	}
}

func TestManyNamesOfOneObjectAreComparedAll(t *testing.T) {
	for _, n := range []int{2, 23, 24, 25, 26, 300} {
		for again := range n {
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, `{"k%d":%d,`[min(i, 1):], i, i)
			}
			if _, err := rawjson.Parse([]byte(text.String() + `"last":{"k1":1}}`)); err != nil {
				t.Fatal(n, err)
			}
			if _, err := rawjson.Parse(fmt.Appendf(nil, `%s"k%d":1}`, text.String(), again)); !errors.Is(err, rawjson.ErrDuplicateKey) {
				t.Errorf("%d names, number %d again: got %v", n, again, err)
			}
		}
	}
}

// FuzzParse compares the parser with encoding/json: it accepts a text exactly if that does, save for duplicate keys and depth,
// and finds the same members.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x",null,true],"b":{"c":-1.5e3}}`, `[]`, `"\ud83d\ude00"`, ` {"":""} `, `{"a":1,"a":2}`, `{"\"":"\\"}`} {
		f.Add([]byte(seed))
	}
	agenttest.Seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := rawjson.Parse(text)
		if walkErr := rawjson.Walk(text, new(tokens)); !errors.Is(walkErr, err) {
			t.Fatalf("Parse says %v, Walk %v", err, walkErr)
		}
		if err != nil && (errors.Is(err, rawjson.ErrDuplicateKey) || errors.Is(err, rawjson.ErrTooDeep)) {
			return
		}
		if accepted := utf8.Valid(text) && json.Valid(text); accepted != (err == nil) {
			t.Fatalf("encoding/json takes it: %v; got %v", accepted, err)
		}
		if err != nil {
			return
		}
		if !json.Valid(v.Raw()) {
			t.Fatalf("the value's own bytes are not JSON: %q", v.Raw())
		}
		var members map[string]json.RawMessage
		if v.Kind == rawjson.Object && json.Unmarshal(text, &members) == nil {
			if len(members) != len(v.Members) {
				t.Fatalf("found %d members of %d", len(v.Members), len(members))
			}
			for name, raw := range members {
				if got, ok := v.Get(name); !ok || string(got.Raw()) != string(raw) {
					t.Fatalf("member %q: got %q, want %q", name, got.Raw(), raw)
				}
			}
			set := rawjson.SetMember(text, v, "coupon", []byte(`"new"`))
			back, err := rawjson.Parse(set)
			if err != nil {
				t.Fatalf("after SetMember: %v in %q", err, set)
			}
			if got, _ := back.Get("coupon"); string(got.Raw()) != `"new"` {
				t.Fatalf("after SetMember: %q", set)
			}
		}
		var walked, tree tokens
		if v.Walk(&tree); rawjson.Walk(text, &walked) != nil || walked.String() != tree.String() {
			t.Fatalf("the tree tells\n%s\nthe text\n%s", tree.String(), walked.String())
		}
		again, err := rawjson.Parse(text)
		if err != nil || !bytes.Equal(again.Canonical(), v.Canonical()) {
			t.Fatal("two readings differ")
		}
	})
}

func TestPeekFindsTheFirstMemberOfAName(t *testing.T) {
	for text, want := range map[string]string{
		`{"sku":"0001","n":1}`:            "0001",
		`{"n":1, "sku" : 17 }`:            "17",
		`{"n":1,"sku":17}`:                "17",
		`{"x":"sku","sku":"7"}`:           "7",
		`{"xsku":"6","sku":"7"}`:          "7",
		`{"inner":{"sku":"7"},"sku":"8"}`: "7", // it does not look further
		`{"sku":"caf\u00e9"}`:             "",
		`{"sku":"7`:                       "",
		`{"sku":`:                         "",
		`{"sku":}`:                        "",
		`"sku"`:                           "",
		`sku`:                             "",
		``:                                "",
	} {
		got, ok := rawjson.Peek([]byte(text), "sku")
		if string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", text, got, ok, want)
		}
	}
}
