package mask_test

import (
	"bytes"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

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
	if got := string(mask.Body([]byte(original), parse(t, original))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSupportReadsWhyTheCloudRefusesWithoutAnybodysNumber(t *testing.T) {
	const body = `{"statusCode":422,"message":"client_id 529.982.247-25 of 52998224725 is unknown, 12 items","user":{"name":"MARIA"}}`
	const want = `{"statusCode":422,"message":"client_id ************** of *********** is unknown, 12 items","user":{"name":"[texto de 5]"}}`
	if got := string(mask.Answer(422, []byte(body), parse(t, body))); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(mask.Answer(200, []byte(body), parse(t, body))); strings.Contains(got, "unknown") {
		t.Errorf("an answer that is no refusal shows %s", got)
	}
}

func TestObjectKeyedByPersonsAndListsShowNobody(t *testing.T) {
	const original = `{"52998224725":{"sku":"1"},"c52998224725":1,"MARIA SILVA":1,"reason":["MARIA"],"sku":["MARIA","52998224725","c52998224725"],"fields":["items[0].sku","MARIA"],"items":[{"sku":"1"}]}`
	const want = `{"[campo 1, 11 letras]":{"sku":"1"},"[campo 2, 12 letras]":"[número]","[campo 3, 11 letras]":"[número]","reason":["[texto de 5]"],"sku":["[texto de 5]","[texto de 11]","[texto de 12]"],"fields":["items[0].sku","[texto de 5]"],"items":[{"sku":"1"}]}`
	masked := mask.Body([]byte(original), parse(t, original))
	if string(masked) != want {
		t.Errorf("got %s", masked)
	}
	edited := strings.Replace(string(masked), `{"sku":"1"}}`, `{"sku":"2"}}`, 1)
	if got := string(mask.Restore([]byte(edited), parse(t, edited), parse(t, original))); got != strings.Replace(original, `{"sku":"1"}}`, `{"sku":"2"}}`, 1) {
		t.Errorf("sent back: %s", got)
	}
}

func TestReasonIsShownWhenItIsAProgramsWord(t *testing.T) {
	const original = `{"reason":"circuit_open","agent":{"reason":"cliente Maria pediu"}}`
	if got := string(mask.Body([]byte(original), parse(t, original))); got != `{"reason":"circuit_open","agent":{"reason":"[texto de 19]"}}` {
		t.Errorf("got %s", got)
	}
}

func TestLongRefusalIsCut(t *testing.T) {
	body := `{"message":"` + strings.Repeat("não ", 500) + `"}`
	if got := string(mask.Answer(422, []byte(body), parse(t, body))); len(got) > 500 || !strings.Contains(got, "não não") {
		t.Errorf("got %d bytes", len(got))
	}
}

func TestWordsOfARefusalNameNobody(t *testing.T) {
	for words, want := range map[string]string{
		"Cliente Maria Silva não encontrado":         "Cliente […] […] não encontrado",
		"cliente ter\u200besa já existe":             "cliente […] já existe",
		"cliente maria silva não encontrado":         "cliente […] […] não encontrado",
		"fale com maria.silva@hotmail.com":           "fale com […]@[…]",
		"CPF 529_982_247_25 ou ５２９９８２２４７２５":          "CPF ************** ou ***********",
		"JOSÉ já existe":                             "[…] já existe",
		"CNPJ 12ABC34501DE35 inválido":               "CNPJ ************** inválido",
		"CNPJ 12.ABC.345/01DE-35 inválido":           "CNPJ ****************** inválido",
		"Token expirado; item 12 de 30, SKU 80215":   "Token expirado; item 12 de 30, SKU *****",
		"items[0].total_value must be a number":      "items[0].total_value must be a number",
		"Transação não encontrada":                   "Transação não encontrada",
		"(41) 98776-2038 não confere":                "(41) ********** não confere",
		"Fale com Ana-Maria D'Ávila":                 "[…] com […] […]'[…]",
		"Invalid date, expected YYYY-MM-DD":          "Invalid date, expected […]",
		"coupon 001-20260514-191246 already present": "coupon ******************* already present",
	} {
		body := `{"message":` + string(rawjson.Quote(words)) + `}`
		if got := string(mask.Answer(422, []byte(body), parse(t, body))); got != `{"message":`+string(rawjson.Quote(want))+`}` {
			t.Errorf("%s: got %s", words, got)
		}
	}
}

func TestMaskSentBackUnchangedKeepsTheOriginal(t *testing.T) {
	const original = `{"client_id":"52998224725","fone":41987762038,"nome":"MARIA","items":[{"obs":"JOSE"},{"obs":"ANA"}],"coupon":"C"}`
	masked := string(mask.Body([]byte(original), parse(t, original)))
	for name, c := range map[string]struct{ edited, want string }{
		"nothing changed": {masked, original},
		"another value":   {strings.Replace(masked, `"***982247**"`, `"0"`, 1), strings.Replace(original, `"52998224725"`, `"0"`, 1)},
		"a shown value":   {strings.Replace(masked, `"C"`, `"D"`, 1), strings.Replace(original, `"C"`, `"D"`, 1)},
		"a line less":     {strings.Replace(masked, `,{"obs":"[texto de 3]"}`, ``, 1), strings.Replace(original, `,{"obs":"ANA"}`, ``, 1)},
		"a field less":    {strings.Replace(masked, `"nome":"[texto de 5]",`, ``, 1), strings.Replace(original, `"nome":"MARIA",`, ``, 1)},
		"another's mask":  {strings.Replace(masked, `"[texto de 4]"`, `"[texto de 3]"`, 1), strings.Replace(original, `"JOSE"`, `"[texto de 3]"`, 1)},
	} {
		if got := string(mask.Restore([]byte(c.edited), parse(t, c.edited), parse(t, original))); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// sameBeginning looks whether the mask that is made while a text is read for the first time is the other one, or its beginning.
func sameBeginning(t *testing.T, status int, text, whole []byte) {
	t.Helper()
	for _, most := range []int{-1, 0, 1, 7, len(whole) / 2, len(whole) - 1, len(whole), len(whole) + 1, 8 << 10} {
		m := mask.NewMasker(status, text, most)
		if err := rawjson.Walk(text, m); err != nil {
			t.Fatal(err)
		}
		got, all := m.Masked()
		if all != (len(whole) <= most) || len(got) < min(most, len(whole)) || !bytes.HasPrefix(whole, got) && !all || all && !bytes.Equal(got, whole) {
			t.Fatalf("%d: %s became %s, all: %v; of at most %d want %s", status, text, got, all, most, whole)
		}
	}
}

func TestMaskOfWhatIsReadForTheFirstTimeIsTheSame(t *testing.T) {
	for _, text := range []string{
		`{"client_id":"52998224725","message":"cliente MARIA já existe","a":{"message":"MARIA"},"MARIA":[{"sku":"MARIA"},52998224725],"message2":"x"}`,
		`[{"message":"MARIA"},"MARIA",true]`, `"MARIA"`, `52998224725`, `{"error":52998224725}  `, ` {"coupon":"` + strings.Repeat("9", 9000) + `"}`,
	} {
		for _, status := range []int{200, 422} {
			sameBeginning(t, status, []byte(text), mask.Answer(status, []byte(text), parse(t, text)))
		}
	}
}

// FuzzMask: the mask of any body is JSON and hides every long number; restored unchanged it is the original.
func FuzzMask(f *testing.F) {
	agenttest.Seed(f)
	f.Add([]byte(`{"52998224725":{"[campo 1, 11 letras]":1},"client_id":["52998224725",52998224725],"reason":"[texto de 3]"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		original, err := rawjson.Parse(text)
		if err != nil {
			return
		}
		for _, status := range []int{200, 422} {
			answer := mask.Answer(status, text, original)
			if _, err := rawjson.Parse(answer); err != nil {
				t.Fatalf("%d: %s became %s", status, text, answer)
			}
			sameBeginning(t, status, text, answer)
		}
		masked := mask.Body(text, original)
		again, err := rawjson.Parse(masked)
		if err != nil {
			t.Fatalf("%s became %s", text, masked)
		}
		if back := mask.Restore(masked, again, original); string(back) != string(text) {
			t.Fatalf("%s became %s and came back as %s", text, masked, back)
		}
	})
}
