package sicoobsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent/simkit"
)

// request is a shop's request for the movements of a window, with the files made for it.
type request struct {
	code     int
	from, to string
	kind     int
	ticket   bool // by the number of the shop's ticket
	at       time.Time
	files    [][]*Movement
	made     bool // the files
}

// firstCode and firstFile are where the bank begins to count.
const (
	firstCode       = 132
	firstFile       = 12345678
	filesPerRequest = 1000 // numbers between the first files of two requests
)

// firstFile is the number of the request's first file.
func (r *request) firstFile() int { return firstFile + (r.code-firstCode)*filesPerRequest }

// crowded counts a movement call, and tells whether there are more of them in a second than the bank allows (sicoob.md 4.5).
// The caller holds mu.
func (s *Sim) crowded(perSecond int) bool {
	now := s.Now()
	s.calls = slices.DeleteFunc(s.calls, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	s.calls = append(s.calls, now)
	return len(s.calls) > perSecond
}

func tooMany() *refused {
	return refuse(http.StatusTooManyRequests, "Limite de requisições excedido.")
}

func (s *Sim) request(version string, body []byte) simkit.Answer {
	if err := s.schemas.Check("request-"+version, body); err != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	var in struct {
		NumeroCliente, NumeroContrato int64
		TipoMovimento                 int
		DataInicial, DataFinal        string
	}
	if json.Unmarshal(body, &in) != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos.")
	}
	from, err1 := time.Parse(time.DateOnly, in.DataInicial[:10])
	to, err2 := time.Parse(time.DateOnly, in.DataFinal[:10])
	settings, today := s.settings.Get(), s.today()
	s.mu.Lock()
	defer s.mu.Unlock()
	client, ours := in.NumeroCliente, s.cfg.Client
	if version == "v2" {
		client, ours = in.NumeroContrato, s.cfg.Contract
	}
	switch {
	case s.crowded(settings.PerSecond):
		return tooMany().answer()
	case !named(client, ours):
		return refusal(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	case err1 != nil || err2 != nil || to.Before(from):
		return refusal(http.StatusBadRequest, "Período inválido.")
	case to.Sub(from) > time.Duration(settings.WindowDays)*24*time.Hour:
		return coded(settings.WindowError, "9001", "O período informado não pode ser superior a 2 dias.")
	case from.Before(today.AddDate(-1, 0, 0)) || to.After(today):
		return coded(settings.WindowError, "9001", "O período informado deve estar no último ano, até hoje.")
	}
	req := &request{code: firstCode + len(s.requests), from: in.DataInicial[:10], to: in.DataFinal[:10], kind: in.TipoMovimento, ticket: client == ticketContract, at: s.Now()}
	s.requests = append(s.requests, req)
	return simkit.Answer{Status: settings.Created, Body: map[string]any{"resultado": map[string]any{
		"mensagem": "Solicitação recebida com sucesso. Utilize o 'Código da Solicitação' para verificar se já foi processada.", "codigoSolicitacao": req.code,
	}}}
}

// siglas are the names of the kinds of movement, by their numbers.
func siglas() []string {
	return []string{"", "ENTR", "PROR", "AVENC", "VENC", "LIQUI", "BAIX", "OCRED"}
}

func sigla(kind int) string { return siglas()[kind] }

// collect makes the files of a request, once. The caller holds mu.
func (s *Sim) collect(req *request, perFile int) {
	if req.made {
		return
	}
	req.made = true
	var file []*Movement
	for _, m := range s.movements {
		if m.Sigla != sigla(req.kind) && (m.Sigla != "BAIX" || req.kind != 5) || !m.Abroad && (m.MovedOn < req.from || m.MovedOn > req.to) {
			continue // a BAIX comes in a file of settlements, too (contract section 9)
		}
		for range map[bool]int{false: 1, true: 2}[m.Twice] {
			if len(file) == perFile {
				req.files, file = append(req.files, file), nil
			}
			file = append(file, m)
		}
	}
	if len(file) > 0 {
		req.files = append(req.files, file)
	}
}

// requested finds the request that a query names. The caller holds mu.
func (s *Sim) requested(version string, query url.Values, perSecond int) (*request, *refused) {
	if s.crowded(perSecond) {
		return nil, tooMany()
	}
	if _, ours := s.ours(version, query); !ours {
		return nil, refuse(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	code, _ := strconv.Atoi(query.Get("codigoSolicitacao")) // 0 is no request's
	at := slices.IndexFunc(s.requests, func(req *request) bool { return req.code == code })
	if at < 0 {
		return nil, &refused{http.StatusNotFound, "9003", "Solicitação não encontrada."}
	}
	return s.requests[at], nil
}

// pending is the answer while a request's files are not made.
func pending(how string) simkit.Answer {
	switch how {
	case "text":
		return refusal(http.StatusBadRequest, "Solicitação em PROCESSAMENTO.")
	case "204":
		return simkit.NoContent()
	case "404":
		return simkit.Answer{Status: http.StatusNotFound, Raw: []byte{}, Type: "application/json"}
	case "empty":
		return simkit.File("application/json", []byte{})
	}
	return coded(http.StatusBadRequest, "5004", "Solicitação ainda em processamento.")
}

func (s *Sim) status(version string, query url.Values) simkit.Answer {
	settings := s.settings.Get()
	s.mu.Lock()
	defer s.mu.Unlock()
	req, refused := s.requested(version, query, settings.PerSecond)
	if refused != nil {
		return refused.answer()
	}
	if settings.ReadyAfter < 0 || s.Now().Sub(req.at) < time.Duration(settings.ReadyAfter)*time.Second {
		return pending(settings.Pending)
	}
	s.collect(req, settings.PerFile)
	total, ids := 0, []int{}
	for i, file := range req.files {
		total += len(file)
		ids = append(ids, req.firstFile()+i)
	}
	switch {
	case total == 0 && settings.Nothing == "message":
		return coded(http.StatusBadRequest, "9002", "Nenhum registro encontrado.")
	case total == 0 && settings.Nothing == "204":
		return simkit.NoContent()
	}
	answer := map[string]any{"quantidadeTotalRegistros": total, "quantidadeRegistrosArquivo": settings.PerFile, "quantidadeArquivo": len(ids), "idArquivos": ids}
	switch settings.Total {
	case "text":
		answer["quantidadeTotalRegistros"] = thousands(total)
	case "missing":
		answer = map[string]any{"idArquivos": ids}
	}
	return simkit.OK(map[string]any{"resultado": answer})
}

// thousands writes a count with points between its thousands.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "." + text[at:]
	}
	return text
}

// keptFor is how long a file can be fetched (sicoob.md 4.5).
const keptFor = 30 * 24 * time.Hour

func (s *Sim) download(version string, query url.Values) simkit.Answer {
	settings := s.settings.Get()
	s.mu.Lock()
	defer s.mu.Unlock()
	req, refused := s.requested(version, query, settings.PerSecond)
	if refused != nil {
		return refused.answer()
	}
	id, _ := strconv.Atoi(query.Get("idArquivo")) // 0 is no file's
	n := id - req.firstFile()
	if n < 0 || n >= len(req.files) {
		return coded(http.StatusNotFound, "9003", "Arquivo não encontrado.")
	}
	if s.Now().Sub(req.at) > keptFor {
		return coded(http.StatusNotFound, "9003", "O arquivo não está mais disponível.")
	}
	name := fileName(sigla(req.kind), s.cfg.Client, s.Now(), n)
	packed, err := (&writer{s, req, settings}).pack(name, req.files[n])
	if err != nil {
		return refusal(http.StatusInternalServerError, err.Error())
	}
	return simkit.OK(map[string]any{"resultado": map[string]any{"arquivo": encode(packed, settings.Encoding), "nomeArquivo": name + ".zip"}})
}
