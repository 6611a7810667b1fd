package sicoob_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pdvagent/payments"
	"pdvagent/payments/boleto"
	"pdvagent/payments/sicoob"
)

// told reads a file with one entry.
func told(t *testing.T, content string) ([]boleto.Return, error) {
	t.Helper()
	var list []boleto.Return
	answer := `{"resultado":{"arquivo":"` + base64.StdEncoding.EncodeToString(zipped(t, []byte(content))) + `"}}`
	err := sicoob.ReadAnswer([]byte(answer), func(r boleto.Return) error { list = append(list, r); return nil })
	return list, err
}

const liqui = `{"codigoTipoMovimento":5,"siglaMovimento":"LIQUI","numeroCliente":567890,"modalidade":1,"numeroTitulo":1013,"valorTitulo":150.0,"valorLiquido":150.0,"dataLiquidacao":"2026-11-28T00:00:00-03:00"}`

func TestRecordsAreFoundUnderAnyRoot(t *testing.T) {
	for content, want := range map[string]int{
		`[` + liqui + `]`:                   1,
		liqui:                               1,
		liqui + "\n" + liqui:                2,
		`{"movimentacoes":[` + liqui + `]}`: 1,
		`{"resultado":[` + liqui + `,` + liqui + `]}`:                                                               2,
		`{"resultado":{"total":1,"itens":[` + liqui + `]}}`:                                                         1,
		`{"data":{"movimento":` + liqui + `}}`:                                                                      1,
		`{"titulos":[],"outros":[` + liqui + `]}`:                                                                   1,
		`{"dados":{"paginas":[{"pagina":1,"registros":[` + liqui + `]},{"pagina":2,"registros":[` + liqui + `]}]}}`: 2,
		`[[` + liqui + `],[` + liqui + `]]`:                                                                         2,
		`[{"1013":` + liqui + `}]`:                                                                                  1,
		`[{"registros":[]},` + liqui + `]`:                                                                          2, // the empty one is no record that is understood
		`{"movimentacoes":[]}`:                                                                                      0,
		`[]`:                                                                                                        0,
		strings.ReplaceAll(liqui, "siglaMovimento", "SiglaMovimento"):                                               1,
	} {
		list, err := told(t, content)
		if err != nil || len(list) != want {
			t.Errorf("%s: %d records, %v", content, len(list), err)
			continue
		}
		for _, r := range list {
			if strings.Contains(content, `"registros":[]`) && r.Raw == `{"registros":[]}` {
				continue
			}
			if r.NossoNumero != 1013 || r.Received != 15000 || r.Fault != "" || r.Unclear {
				t.Errorf("%s: %+v", content, r)
			}
		}
	}
	for _, content := range []string{`{}`, `{"mensagem":"arquivo em elaboração"}`, `{"movimentacoes":null}`, `null`, `3`, `[` + liqui, `[` + liqui + `]x`} {
		list, err := told(t, content)
		if f := payments.FailureOf(err); err == nil || f.Says == "" || !f.Misread {
			t.Errorf("%s: %+v %v", content, list, err)
		}
	}
}

func TestWhatARecordTellsOf(t *testing.T) {
	with := func(old, instead string) string {
		if !strings.Contains(liqui, old) {
			t.Fatal(old)
		}
		return strings.Replace(liqui, old, instead, 1)
	}
	const both = `"codigoTipoMovimento":5,"siglaMovimento":"LIQUI",`
	for record, want := range map[string]string{ // paid, other, or why it is not clear
		liqui:                                                              "paid",
		with(both, ``):                                                     "paid", // we asked for settlements, and only they have valorLiquido
		with(`"LIQUI"`, `"LIQUIDACAO"`):                                    "paid",
		with(`"LIQUI"`, `"Liquidação"`):                                    "paid",
		with(`"LIQUI"`, `" liqui "`):                                       "paid",
		with(`"LIQUI"`, `"PAGO"`):                                          "paid", // its code says so
		with(both, `"siglaMovimento":"LIQUIDACAO",`):                       "paid",
		with(both, `"codigoTipoMovimento":"5",`):                           "paid",
		with(both, `"codigoTipoMovimento":5.0,`):                           "paid",
		with(both, `"siglaMovimento":"BAIX",`):                             "other",
		with(both, `"codigoTipoMovimento":6,`):                             "other",
		with(both, `"siglaMovimento":"BAIXA","codTipoMovimento":6,`):       "other",
		with(both, `"siglaMovimento":"PAGO",`):                             "não se entende",
		with(both, `"codigoTipoMovimento":99,`):                            "não se entende",
		with(`"LIQUI"`, `"BAIX"`):                                          "não se entende",
		with(`"LIQUI"`, `"LIQUIDACAO ESTORNADA"`):                          "não se entende",
		with(both, `"siglaMovimento":"BAIXA POR LIQUIDACAO",`):             "não se entende",
		`{"numeroTitulo":1013,"valorTitulo":150.0}`:                        "não diz",
		with(`"valorTitulo":150.0`, `"valorTitulo":150.0,"valorTitulo":1`): "duas vezes",
		with(`"valorTitulo":150.0`, `"valorTitulo":150.0,"ValorTitulo":1`): "duas vezes",
		`"texto"`: "não é um registro", `null`: "não é um registro", `{"x":1}`: "não diz",
	} {
		list, err := told(t, `[`+record+`]`)
		switch {
		case err != nil:
			t.Errorf("%s: %v", record, err)
		case want == "other" && len(list) != 0, want != "other" && len(list) != 1:
			t.Errorf("%s: %+v", record, list)
		case want == "paid" && (list[0].Unclear || list[0].Fault != "" || list[0].Received != 15000):
			t.Errorf("%s: %+v", record, list[0])
		case want != "paid" && want != "other" && (!list[0].Unclear || !strings.Contains(list[0].Fault, want)):
			t.Errorf("%s: %+v", record, list[0])
		}
	}
}

// TestAFieldThatCannotBeReadCostsThatField has one field of a record spoilt.
func TestAFieldThatCannotBeReadCostsThatField(t *testing.T) {
	for old, instead := range map[string]string{
		`"modalidade":1`: `"modalidade":{"codigo":1}`, `"numeroCliente":567890`: `"numeroCliente":true`, `"dataLiquidacao":"2026-11-28T00:00:00-03:00"`: `"dataLiquidacao":"ontem"`,
		`"valorLiquido":150.0`: `"valorLiquido":"150,00"`,
		`"valorTitulo":150.0`:  "\"valorTitulo\":1.5E+2,\"tipoOpFinanceira\":\"Compensa\xe7\xe3o\"",
	} {
		list, err := told(t, `[`+strings.Replace(liqui, old, instead, 1)+`]`)
		if err != nil || len(list) != 1 || list[0].NossoNumero != 1013 || list[0].Received != 15000 || list[0].Fault != "" {
			t.Errorf("%s: %+v %v", instead, list, err)
		}
	}
	for _, written := range []string{"28/11/2026", "28/11/2026 10:15:00", "2026-11-29T02:30:00Z", "2026-11-28"} {
		list, err := told(t, `[`+strings.Replace(liqui, "2026-11-28T00:00:00-03:00", written, 1)+`]`)
		if err != nil || len(list) != 1 || list[0].PaidOn.Format("2006-01-02") != "2026-11-28" {
			t.Errorf("%s: %+v %v", written, list, err)
		}
	}
	for spoilt, fault := range map[string]string{`"valorLiquido":"cento e cinquenta"`: "valorLiquido", `"valorLiquido":-150`: "valorLiquido", `"valorLiquido":null`: "falta valorLiquido", `"valorLiquido":150.004`: "valorLiquido"} {
		list, err := told(t, `[`+strings.Replace(liqui, `"valorLiquido":150.0`, spoilt, 1)+`]`)
		if err != nil || len(list) != 1 || !strings.Contains(list[0].Fault, fault) || list[0].Unclear {
			t.Errorf("%s: %+v %v", spoilt, list, err)
		}
	}
}

// TestTheArchiveIsTakenOutByAJSONReader has an archive whose base64 has every kind of letter.
func TestTheArchiveIsTakenOutByAJSONReader(t *testing.T) {
	packed := base64.StdEncoding.EncodeToString(zipped(t, []byte(`[`+liqui+`]`+strings.Repeat("\n", 300)), []byte(`[]ÿþ>?`)[:2]))
	var lines strings.Builder
	for i := 0; i < len(packed); i += 76 {
		lines.WriteString(packed[i:min(i+76, len(packed))] + `\r\n`)
	}
	escaped := strings.NewReplacer("+", `\u002B`, "/", `\/`, "=", `\u003d`).Replace(packed)
	for name, answer := range map[string]string{
		"plain":              `{"resultado":{"arquivo":"` + packed + `"}}`,
		"escapes":            `{"resultado":{"nomeArquivo":"x.zip","arquivo":"` + escaped + `"}}`,
		"lines of 76":        `{"resultado":{"arquivo":"` + lines.String() + `"}}`,
		"its name elsewhere": `{"resultado":{"nomeArquivo":"\"arquivo\":\"UEsDB\"","arquivo" : "` + packed + `","n":[1,-2.5e3,true,null]}}`,
		"an escaped name":    `{"resultado":{"\u0061rquivo":"` + packed + `"}}`,
		"names in capitals":  `{"Resultado":{"NomeArquivo":"x.zip","Arquivo":"` + packed + `"}}`,
		"without a wrapper":  ` {"arquivo":"` + packed + `"} ` + "\n",
	} {
		n := 0
		if err := sicoob.ReadAnswer([]byte(answer), func(boleto.Return) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("%s: %d records, %v", name, n, err)
		}
	}
	for name, answer := range map[string]string{
		"twice, otherwise spelled": `{"resultado":{"arquivo":"` + packed + `","Arquivo":"` + packed + `"}}`,
		"twice":                    `{"resultado":{"arquivo":"` + packed + `","arquivo":"` + packed + `"}}`,
		"cut behind it":            `{"resultado":{"arquivo":"` + packed + `"}`,
		"something more":           `{"resultado":{"arquivo":"` + packed + `"}}}`,
		"another letter":           `{"resultado":{"arquivo":"` + packed[:20] + `\u00e9` + packed[20:] + `"}}`,
		"a bad escape":             `{"resultado":{"x":"\q","arquivo":"` + packed + `"}}`,
		"deep":                     strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100),
	} {
		err := sicoob.ReadAnswer([]byte(answer), func(boleto.Return) error { return nil })
		if f := payments.FailureOf(err); err == nil || !f.Misread || strings.Contains(f.Words("o Sicoob"), "não respondeu") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnEntryInAFolderIsRead: no name of an entry is ever used as a path.
func TestAnEntryInAFolderIsRead(t *testing.T) {
	for name, want := range map[string]int{"LIQUI_1.json": 1, "liquidados/2026-11/LIQUI_1.json": 1, `liquidados\LIQUI_1.json`: 1, "../LIQUI_1.json": -1, "/etc/LIQUI_1.json": -1, `a\..\LIQUI_1.json`: -1, "C:LIQUI_1.json": -1} {
		var packed bytes.Buffer
		w := zip.NewWriter(&packed)
		_, folderErr := w.Create("liquidados/")
		entry, err := w.Create(name)
		if err == nil {
			_, err = entry.Write([]byte(`[` + liqui + `]`))
		}
		if err := errors.Join(folderErr, err, w.Close()); err != nil {
			t.Fatal(err)
		}
		n := 0
		err = sicoob.ReadAnswer([]byte(`{"arquivo":"`+base64.StdEncoding.EncodeToString(packed.Bytes())+`"}`), func(boleto.Return) error { n++; return nil })
		if (err != nil) != (want < 0) || want >= 0 && n != want {
			t.Errorf("%s: %d records, %v", name, n, err)
		}
	}
}
