package sicoobsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"pdvagent/payments/cloudsim"
)

// request is one that was made for a window, with the files that were made for it.
type request struct {
	code     int
	from, to string
	kind     int
	at       time.Time
	files    [][]*Movement // nil until it is ready
	made     bool
}

// firstCode and firstFile are where the bank begins to count.
const (
	firstCode   = 132
	firstFile   = 12345678
	filesPerOne = 1000 // numbers between the files of two requests
)

// crowded tells more movement calls in a second than the bank allows (contract 4.5). Called with the lock held.
func (s *Sim) crowded() bool {
	now := s.Now()
	s.calls = slices.DeleteFunc(s.calls, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	s.calls = append(s.calls, now)
	return len(s.calls) > s.settings.PerSecond
}

func tooMany() cloudsim.Answer {
	return no(http.StatusTooManyRequests, "Limite de requisições excedido.")
}

func (s *Sim) request(version string, body []byte) cloudsim.Answer {
	if err := s.schemas.Check("request-"+version, body); err != nil {
		return no(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	var in struct {
		NumeroCliente, NumeroContrato int64
		TipoMovimento                 int
		DataInicial, DataFinal        string
	}
	if json.Unmarshal(body, &in) != nil {
		return no(http.StatusBadRequest, "Dados inválidos.")
	}
	from, err1 := time.Parse(time.DateOnly, in.DataInicial[:10])
	to, err2 := time.Parse(time.DateOnly, in.DataFinal[:10])
	today := s.today()
	s.mu.Lock()
	defer s.mu.Unlock()
	client, ours := in.NumeroCliente, s.cfg.Client
	if version == "v2" {
		client, ours = in.NumeroContrato, s.cfg.Contract
	}
	switch {
	case s.crowded():
		return tooMany()
	case client != ours:
		return no(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	case err1 != nil || err2 != nil || to.Before(from):
		return no(http.StatusBadRequest, "Período inválido.")
	case to.Sub(from) > time.Duration(s.settings.WindowDays)*24*time.Hour:
		return coded(s.settings.WindowError, "9001", "O período informado não pode ser superior a 2 dias.")
	case from.Before(today.AddDate(-1, 0, 0)) || to.After(today):
		return coded(s.settings.WindowError, "9001", "O período informado deve estar no último ano, até hoje.")
	}
	req := &request{code: firstCode + len(s.requests), from: in.DataInicial[:10], to: in.DataFinal[:10], kind: in.TipoMovimento, at: s.Now()}
	s.requests = append(s.requests, req)
	return cloudsim.Answer{Status: s.settings.Created, Body: map[string]any{"resultado": map[string]any{
		"mensagem": "Solicitação recebida com sucesso. Utilize o 'Código da Solicitação' para verificar se já foi processada.", "codigoSolicitacao": req.code,
	}}}
}

// sigla is the name of a kind of movement; what was asked for is what a file holds.
func sigla(kind int) string {
	return []string{"", "ENTR", "PROR", "AVENC", "VENC", "LIQUI", "BAIX", "OCRED"}[kind]
}

// collect makes the files of a request, once. Called with the lock held.
func (s *Sim) collect(req *request) {
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
			if len(file) == s.settings.PerFile {
				req.files, file = append(req.files, file), nil
			}
			file = append(file, m)
		}
	}
	if len(file) > 0 {
		req.files = append(req.files, file)
	}
}

// of finds the request of a query. Called with the lock held.
func (s *Sim) of(version string, query url.Values) (*request, *cloudsim.Answer) {
	refuse := func(a cloudsim.Answer) (*request, *cloudsim.Answer) { return nil, &a }
	if s.crowded() {
		return refuse(tooMany())
	}
	if !s.ours(version, query) {
		return refuse(no(http.StatusBadRequest, "Número do contrato do beneficiário inválido."))
	}
	code, _ := strconv.Atoi(query.Get("codigoSolicitacao"))
	for _, req := range s.requests {
		if req.code == code {
			return req, nil
		}
	}
	return refuse(coded(http.StatusNotFound, "9003", "Solicitação não encontrada."))
}

// pending is how the bank says that a request is not done. Called with the lock held.
func (s *Sim) pending() cloudsim.Answer {
	switch s.settings.Pending {
	case "text":
		return no(http.StatusBadRequest, "Solicitação em PROCESSAMENTO.")
	case "204":
		return cloudsim.Answer{Status: http.StatusNoContent}
	case "404":
		return cloudsim.Answer{Status: http.StatusNotFound, Raw: []byte{}, Type: "application/json"}
	case "empty":
		return cloudsim.Answer{Status: http.StatusOK, Raw: []byte{}, Type: "application/json"}
	}
	return coded(http.StatusBadRequest, "5004", "Solicitação ainda em processamento.")
}

func (s *Sim) status(version string, query url.Values) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	req, refusal := s.of(version, query)
	if refusal != nil {
		return *refusal
	}
	if s.settings.ReadyAfter < 0 || s.Now().Sub(req.at) < time.Duration(s.settings.ReadyAfter)*time.Second {
		return s.pending()
	}
	s.collect(req)
	total, ids := 0, []int{}
	for i, file := range req.files {
		total += len(file)
		ids = append(ids, firstFile+(req.code-firstCode)*filesPerOne+i)
	}
	if total == 0 {
		switch s.settings.Nothing {
		case "message":
			return coded(http.StatusBadRequest, "9002", "Nenhum registro encontrado.")
		case "204":
			return cloudsim.Answer{Status: http.StatusNoContent}
		}
	}
	answer := map[string]any{"quantidadeTotalRegistros": total, "quantidadeRegistrosArquivo": s.settings.PerFile, "quantidadeArquivo": len(ids), "idArquivos": ids}
	switch s.settings.Total {
	case "text":
		answer["quantidadeTotalRegistros"] = "1.500.000"
	case "missing":
		delete(answer, "quantidadeTotalRegistros")
		delete(answer, "quantidadeRegistrosArquivo")
		delete(answer, "quantidadeArquivo")
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"resultado": answer}}
}

// keptFor is how long a file can be fetched (contract 4.5).
const keptFor = 30 * 24 * time.Hour

func (s *Sim) download(version string, query url.Values) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	req, refusal := s.of(version, query)
	if refusal != nil {
		return *refusal
	}
	id, _ := strconv.Atoi(query.Get("idArquivo"))
	n := id - firstFile - (req.code-firstCode)*filesPerOne
	if n < 0 || n >= len(req.files) {
		return coded(http.StatusNotFound, "9003", "Arquivo não encontrado.")
	}
	if s.Now().Sub(req.at) > keptFor {
		return coded(http.StatusNotFound, "9003", "O arquivo não está mais disponível.")
	}
	name := fileName(sigla(req.kind), s.cfg.Client, s.Now(), n)
	packed, err := s.pack(req, name, req.files[n])
	if err != nil {
		return no(http.StatusInternalServerError, err.Error())
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"resultado": map[string]any{"arquivo": s.encode(packed), "nomeArquivo": name + ".zip"}}}
}
