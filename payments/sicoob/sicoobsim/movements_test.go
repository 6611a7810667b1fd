package sicoobsim_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pdvagent/payments/sicoob/sicoobsim"
)

const (
	movements = v3 + "boletos/movimentacoes"
	shopQuery = "?numeroCliente=567890&codigoSolicitacao="
)

func window(from, to string) string {
	return fmt.Sprintf(`{"numeroCliente":567890,"tipoMovimento":5,"dataInicial":%q,"dataFinal":%q}`, from, to)
}

// pay has a boleto of 150.00 paid on a day, and gives its number.
func (s shop) pay(m sicoobsim.Movement) int {
	s.t.Helper()
	b, err := s.sim.AddBoleto(sicoobsim.Boleto{Amount: 15000, SeuNumero: "PDV01-0045", Document: "12345678909"})
	if err != nil {
		s.t.Fatal(err)
	}
	m.NossoNumero = b.NossoNumero
	if err := s.sim.Pay(m); err != nil {
		s.t.Fatal(err)
	}
	return b.NossoNumero
}

// requested asks for the movements of a window, and gives the request's code.
func (s shop) requested(from, to string) string {
	s.t.Helper()
	result := s.must(200, http.MethodPost, movements, window(from, to))["resultado"].(object)
	return fmt.Sprint(result["codigoSolicitacao"])
}

// ready gives the ids of a request's files, once its time has come.
func (s shop) ready(code string) []string {
	s.t.Helper()
	s.sim.Advance(2 * time.Second)
	var ids []string
	for _, id := range s.must(200, http.MethodGet, movements+shopQuery+code, "")["resultado"].(object)["idArquivos"].([]any) {
		ids = append(ids, fmt.Sprintf("%.0f", id))
	}
	return ids
}

// download gives what the bank calls a file: bytes that should be a ZIP.
func (s shop) download(code, id string) []byte {
	s.t.Helper()
	result := s.must(200, http.MethodGet, movements+"/download"+shopQuery+code+"&idArquivo="+id, "")["resultado"].(object)
	raw, err := base64.StdEncoding.DecodeString(result["arquivo"].(string))
	if err != nil || !strings.HasPrefix(result["nomeArquivo"].(string), "LIQUI_1234_567890_") {
		s.t.Fatalf("%v: %v", result["nomeArquivo"], err)
	}
	return raw
}

// entries gives names and texts of a ZIP.
func entries(t *testing.T, raw []byte) (names, texts []string) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		t.Fatal(err)
	}
	for _, file := range archive.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		names, texts = append(names, file.Name), append(texts, string(text))
	}
	return names, texts
}

// records gives those of the one file of a window.
func (s shop) records(from, to string) []object {
	s.t.Helper()
	code := s.requested(from, to)
	ids := s.ready(code)
	if len(ids) == 0 {
		return nil
	}
	_, texts := entries(s.t, s.download(code, ids[0]))
	var list []object
	if err := json.Unmarshal([]byte(texts[0]), &list); err != nil {
		s.t.Fatalf("%s: %v", texts[0], err)
	}
	return list
}

func TestAWindowOutsideTheLimitsIsRefused(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ body, want string }{
		{window("2026-03-09", "2026-03-12"), "9001"},
		{window("2025-03-11", "2025-03-11"), "9001"},
		{window("2026-03-12", "2026-03-13"), "9001"},
	} {
		s.sim.Advance(time.Second)
		if got := s.refused(406, http.MethodPost, movements, c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s", c.body, got)
		}
	}
	for _, body := range []string{
		window("2026-03-12", "2026-03-11"), window("12/03/2026", "12/03/2026"), window("2026-03-11T00:00:00-03:00", "2026-03-12T00:00:00-03:00"),
		with(t, window("2026-03-11", "2026-03-12"), "567890", "700001"), with(t, window("2026-03-11", "2026-03-12"), `"tipoMovimento":5`, `"tipoMovimento":8`), `{}`,
	} {
		s.sim.Advance(time.Second)
		s.refused(400, http.MethodPost, movements, body)
	}
	s.set(func(settings *sicoobsim.Settings) { settings.WindowError, settings.Created = 400, 201 })
	s.sim.Advance(time.Second)
	s.refused(400, http.MethodPost, movements, window("2026-03-09", "2026-03-12"))
	first := s.must(201, http.MethodPost, movements, window("2026-03-10", "2026-03-12"))["resultado"].(object)
	second := s.must(201, http.MethodPost, movements, window("2026-03-10", "2026-03-12"))["resultado"].(object)
	if first["codigoSolicitacao"] != 132.0 || second["codigoSolicitacao"] != 133.0 {
		t.Errorf("the same window again: got %v and %v", first, second)
	}
}

func TestARequestIsPendingInTheWayThatIsSet(t *testing.T) {
	s := open(t)
	path := movements + shopQuery + s.requested("2026-03-11", "2026-03-12")
	for pending, c := range map[string]struct {
		status int
		body   string
	}{
		"5004": {400, `{"mensagens":[{"codigo":"5004","mensagem":"Solicitação ainda em processamento."}]}`},
		"text": {400, `{"mensagens":[{"codigo":"400","mensagem":"Solicitação em PROCESSAMENTO."}]}`},
		"204":  {204, ""}, "404": {404, ""}, "empty": {200, ""},
	} {
		s.set(func(settings *sicoobsim.Settings) { settings.Pending = pending })
		if got := s.Send(http.MethodGet, path, ""); got.Status != c.status || strings.TrimSpace(got.Body) != c.body {
			t.Errorf("%s: got %d %s", pending, got.Status, got.Body)
		}
	}
	s.set(func(settings *sicoobsim.Settings) { settings.ReadyAfter, settings.Pending = -1, "204" })
	s.sim.Advance(time.Hour)
	s.Header.Set("Authorization", "Bearer "+s.token(allScopes))
	s.must(204, http.MethodGet, path, "")
	for nothing, c := range map[string]struct {
		status int
		want   string
	}{"list": {200, `"idArquivos":[]`}, "message": {400, "Nenhum registro encontrado."}, "204": {204, ""}} {
		s.set(func(settings *sicoobsim.Settings) { settings.ReadyAfter, settings.Nothing = 2, nothing })
		if got := s.Send(http.MethodGet, path, ""); got.Status != c.status || !strings.Contains(got.Body, c.want) {
			t.Errorf("%s: got %d %s", nothing, got.Status, got.Body)
		}
	}
}

func TestRecordsAreThoseOfTheWindow(t *testing.T) {
	s := open(t)
	first := s.pay(sicoobsim.Movement{PaidOn: "2026-03-10"})
	second := s.pay(sicoobsim.Movement{PaidOn: "2026-03-10", MovedOn: "2026-03-12", Amount: 14000, Means: 212, CreditOn: "2026-03-13"})
	always := s.pay(sicoobsim.Movement{PaidOn: "2026-01-01", Abroad: true})
	writtenOff := s.pay(sicoobsim.Movement{PaidOn: "2026-03-12", Sigla: "BAIX"})
	numbers := func(list []object) string {
		var text []string
		for _, record := range list {
			text = append(text, fmt.Sprint(record["numeroTitulo"]))
		}
		return strings.Join(text, " ")
	}
	if got, want := numbers(s.records("2026-03-09", "2026-03-11")), fmt.Sprint(first, " ", always); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	list := s.records("2026-03-11", "2026-03-12")
	if got, want := numbers(list), fmt.Sprint(second, " ", always, " ", writtenOff); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for name, want := range map[string]any{
		"siglaMovimento": "LIQUI", "numeroCliente": 567890.0, "numeroContrato": 700001.0, "modalidade": 1.0, "seuNumero": "PDV01-0045", "valorTitulo": 150.0, "valorLiquido": 140.0,
		"dataLiquidacao": "2026-03-10T00:00:00-03:00", "dataMovimentoLiquidacao": "2026-03-12T00:00:00-03:00", "dataPrevisaoCredito": "2026-03-13T00:00:00-03:00",
		"dataInicioMovimento": "2026-03-11T00:00:00-03:00", "dataFimMovimento": "2026-03-12T00:00:00-03:00", "idTipoOpFinanceira": 212.0, "tipoOpFinanceira": "Via Pix",
		"codigoBarras": s.sim.Boletos()[1].Barcode,
	} {
		if got := list[0][name]; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if _, has := list[0]["nossoNumero"]; has {
		t.Error("a record has no nossoNumero")
	}
	if _, has := list[2]["valorLiquido"]; has || list[2]["siglaMovimento"] != "BAIX" {
		t.Errorf("written off: got %v", list[2])
	}
}

func TestOddRecordsAreAsOddAsTheyAreMade(t *testing.T) {
	s := open(t)
	s.pay(sicoobsim.Movement{Twice: true, NoNumber: true, NoBarcode: true, SeuNumero: "OUTRO", Client: 999, Value: "85.0010", BoletoValue: 8500})
	list := s.records("2026-03-12", "2026-03-12")
	if len(list) != 2 {
		t.Fatalf("twice: got %v", list)
	}
	record := list[0]
	if record["numeroTitulo"] != nil || record["codigoBarras"] != nil || record["seuNumero"] != "OUTRO" || record["numeroCliente"] != 999.0 || record["valorLiquido"] != 85.001 || record["valorTitulo"] != 85.0 {
		t.Errorf("got %v", record)
	}
	if b := s.sim.Boletos()[0]; b.Paid != 1 || b.Situation != "Liquidado" {
		t.Errorf("got %+v", b)
	}
}

func TestFilesOfARequest(t *testing.T) {
	s := open(t)
	for range 5 {
		s.pay(sicoobsim.Movement{})
	}
	s.set(func(settings *sicoobsim.Settings) { settings.PerFile, settings.Entries = 2, 2 })
	code := s.requested("2026-03-11", "2026-03-12")
	ids := s.ready(code)
	if strings.Join(ids, " ") != "12345678 12345679 12345680" {
		t.Fatalf("five records, two a file: got %v", ids)
	}
	names, texts := entries(t, s.download(code, ids[0]))
	if len(names) != 2 || strings.Count(texts[0], "siglaMovimento") != 1 || strings.Count(texts[1], "siglaMovimento") != 1 || !strings.HasSuffix(names[1], "_0_1.json") {
		t.Errorf("two entries: got %v %v", names, texts)
	}
	for total, want := range map[string]string{"number": `"quantidadeTotalRegistros":5`, "text": `"quantidadeTotalRegistros":"5"`, "missing": `{"resultado":{"idArquivos":[`} {
		s.set(func(settings *sicoobsim.Settings) { settings.Total = total })
		if got := s.Send(http.MethodGet, movements+shopQuery+code, ""); !strings.Contains(got.Body, want) {
			t.Errorf("%s: got %s", total, got.Body)
		}
	}
	s.sim.Advance(time.Second)
	download := movements + "/download" + shopQuery
	for _, query := range []string{code + "&idArquivo=12345681", code + "&idArquivo=12345677", code, "1&idArquivo=12345678"} {
		if got := s.refused(404, http.MethodGet, download+query, ""); !strings.HasPrefix(got, "9003") {
			t.Errorf("%s: got %s", query, got)
		}
	}
	s.refused(400, http.MethodGet, strings.Replace(download, "567890", "1", 1)+code+"&idArquivo=12345678", "")
	s.sim.Advance(30*24*time.Hour - 10*time.Second)
	s.Header.Set("Authorization", "Bearer "+s.token(allScopes))
	s.must(200, http.MethodGet, download+code+"&idArquivo=12345678", "")
	s.sim.Advance(10 * time.Second)
	if got := s.refused(404, http.MethodGet, download+code+"&idArquivo=12345678", ""); !strings.Contains(got, "não está mais disponível") {
		t.Errorf("after 30 days: got %s", got)
	}
}

func TestVersion2AsksForMovementsByItsOwnPaths(t *testing.T) {
	s := open(t)
	number := s.pay(sicoobsim.Movement{})
	const body = `{"numeroContrato":700001,"tipoMovimento":5,"dataInicial":"2026-03-11T00:00:00-03:00","dataFinal":"2026-03-12T00:00:00-03:00"}`
	s.refused(400, http.MethodPost, v2+"boletos/solicitacoes/movimentacao", window("2026-03-11", "2026-03-12"))
	s.refused(400, http.MethodPost, v2+"boletos/solicitacoes/movimentacao", strings.Replace(body, "700001", "567890", 1))
	code := fmt.Sprint(s.must(200, http.MethodPost, v2+"boletos/solicitacoes/movimentacao", body)["resultado"].(object)["codigoSolicitacao"])
	s.sim.Advance(2 * time.Second)
	query := "?numeroContrato=700001&codigoSolicitacao=" + code
	status := s.must(200, http.MethodGet, v2+"boletos/solicitacoes/movimentacao"+query, "")["resultado"].(object)
	got := s.must(200, http.MethodGet, v2+"boletos/movimentacao-download"+query+fmt.Sprintf("&idArquivo=%.0f", status["idArquivos"].([]any)[0]), "")["resultado"].(object)
	raw, err := base64.StdEncoding.DecodeString(got["arquivo"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if _, texts := entries(t, raw); !strings.Contains(texts[0], fmt.Sprintf(`"numeroTitulo":%d`, number)) {
		t.Errorf("got %s", texts[0])
	}
}

// archive asks for one paid boleto's file under settings, and gives what stands in arquivo.
func (s shop) archive(change func(*sicoobsim.Settings)) string {
	s.t.Helper()
	s.sim.Set(change)
	code := s.requested("2026-03-11", "2026-03-12")
	ids := s.ready(code)
	result := s.must(200, http.MethodGet, movements+"/download"+shopQuery+code+"&idArquivo="+ids[0], "")["resultado"].(object)
	return result["arquivo"].(string)
}

func (s shop) unpacked(change func(*sicoobsim.Settings)) (names, texts []string) {
	s.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(s.archive(change))
	if err != nil {
		s.t.Fatal(err)
	}
	return entries(s.t, raw)
}

func TestArchivesAreBrokenInTheWaysThatAreSet(t *testing.T) {
	s := open(t)
	s.pay(sicoobsim.Movement{})
	bytesOf := func(archive string) []byte {
		raw, err := base64.StdEncoding.DecodeString(s.archive(func(settings *sicoobsim.Settings) { settings.Archive = archive }))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	opened := func(raw []byte) (*zip.Reader, error) {
		archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
		if errors.Is(err, zip.ErrInsecurePath) {
			err = nil
		}
		return archive, err
	}
	if archive, err := opened(bytesOf("empty")); err != nil || len(archive.File) != 0 {
		t.Errorf("empty: %v", err)
	}
	if _, err := opened(bytesOf("garbage")); err == nil {
		t.Error("garbage is a ZIP")
	}
	if archive, err := opened(bytesOf("slip")); err != nil || !strings.HasPrefix(archive.File[0].Name, "../../") {
		t.Errorf("slip: %v", err)
	}
	if raw := bytesOf("bomb"); len(raw) > 1<<20 {
		t.Errorf("a bomb of %d bytes", len(raw))
	} else if archive, err := opened(raw); err != nil || archive.File[0].UncompressedSize64 < 64<<20 {
		t.Errorf("bomb: %v", err)
	}
	if archive, err := opened(bytesOf("encrypted")); err != nil || archive.File[0].Flags&1 == 0 {
		t.Errorf("encrypted: %v", err)
	}
	archive, err := opened(bytesOf("cut"))
	if err == nil {
		var file io.ReadCloser
		if file, err = archive.File[0].Open(); err == nil {
			_, err = io.ReadAll(file)
		}
	}
	if err == nil {
		t.Error("a damaged archive is whole")
	}
}

func TestEncodingsAreThoseThatWereSeen(t *testing.T) {
	s := open(t)
	s.pay(sicoobsim.Movement{})
	mangled, err := base64.StdEncoding.DecodeString(s.archive(func(settings *sicoobsim.Settings) { settings.Encoding = "latin1" }))
	if err != nil || !utf8.Valid(mangled) {
		t.Fatalf("latin1 is no UTF-8: %v", err)
	}
	var repaired []byte // as sicoob.md 5.3 says
	for _, r := range string(mangled) {
		repaired = append(repaired, byte(r))
	}
	if names, _ := entries(t, repaired); len(names) != 1 {
		t.Errorf("repaired: got %v", names)
	}
	if _, err := base64.StdEncoding.DecodeString(s.archive(func(settings *sicoobsim.Settings) { settings.Encoding = "truncated" })); err == nil {
		t.Error("half a base64 is right")
	}
}

func TestContentsAreThoseThatWereSeen(t *testing.T) {
	s := open(t)
	s.pay(sicoobsim.Movement{PaidOn: "2026-03-09", MovedOn: "2026-03-12"})
	s.pay(sicoobsim.Movement{})
	content := func(kind string) string {
		_, texts := s.unpacked(func(settings *sicoobsim.Settings) { settings.Content = kind })
		return texts[0]
	}
	if right := content("json"); !json.Valid([]byte(right)) || content("bom") != "\xef\xbb\xbf"+right {
		t.Errorf("bom: got %q beside %q", content("bom"), right)
	}
	if half := content("half"); json.Valid([]byte(half)) || !strings.HasPrefix(half, "[\n{") {
		t.Errorf("half: got %s", half)
	}
	for i, line := range strings.Split(strings.TrimSpace(content("lines")), "\n") {
		if !json.Valid([]byte(line)) || i > 1 {
			t.Errorf("line %d: %s", i, line)
		}
	}
	old := content("old")
	for _, want := range []string{`"numTitulo":1013`, `"codTipoMovimento":5`, `"dataLiquidacao":"2026-03-9T00:00:00-03:00"`, `"valorLiquido":150.0000`} {
		if !strings.Contains(old, want) {
			t.Errorf("old: %s is not in %s", want, old)
		}
	}
	if strings.Contains(old, "numeroTitulo") {
		t.Errorf("old: a new name is in %s", old)
	}
	if text := content("text"); json.Valid([]byte(text)) {
		t.Errorf("text: got %s", text)
	}
	for kind, c := range map[string]struct{ width, lines int }{"cnab240": {240, 6}, "cnab400": {400, 4}} {
		lines := strings.Split(strings.TrimSuffix(content(kind), "\r\n"), "\r\n")
		for i, line := range lines {
			if len(line) != c.width {
				t.Errorf("%s: line %d has %d columns", kind, i, len(line))
			}
		}
		if len(lines) != c.lines {
			t.Errorf("%s: %d lines, want %d", kind, len(lines), c.lines)
		}
	}
}
