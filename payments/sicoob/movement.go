package sicoob

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// settled is the movement that tells what was paid (sicoob.md 4.1).
const settled = 5

// Request asks for what was paid from one day to another, which are at most one apart: both readings of the bank's "two
// days" allow that. Every call makes a new request at the bank.
func (c *Client) Request(ctx context.Context, from, to time.Time) (code int64, err error) {
	raw, err := json.Marshal(map[string]any{c.v.client: c.cfg.Client, "tipoMovimento": settled, "dataInicial": c.v.date(from), "dataFinal": c.v.date(to)})
	if err != nil {
		return 0, err
	}
	answer, _, err := c.call(ctx, upstream.Request{Method: http.MethodPost, Path: c.v.request, Route: "/" + c.v.request, Body: raw})
	if err != nil {
		return 0, err
	}
	var in struct {
		Codigo text `json:"codigoSolicitacao"`
	}
	if err := result(answer, &in); err != nil {
		return 0, err
	}
	if code = in.Codigo.whole(); code == 0 {
		return 0, lost("no codigoSolicitacao")
	}
	return code, nil
}

var (
	processing = regexp.MustCompile(`(?i)processamento`)
	nothing    = regexp.MustCompile(`(?i)nenhum\s+registro`)
)

// Files asks whether what was requested is there (sicoob.md 4.3). An error is one that says nothing about it.
func (c *Client) Files(ctx context.Context, code int64) (boleto.Movements, error) {
	silent := boleto.Movements{Readiness: boleto.Silent, Total: -1, Count: -1}
	answer, outcome, err := c.call(ctx, upstream.Request{Method: http.MethodGet, Path: c.v.status, Route: "/" + c.v.status, Query: c.who("codigoSolicitacao", itoa(code))})
	if outcome.Class == agent.ClassStatus {
		silent.Readiness, err = readiness(outcome, err)
		return silent, err
	}
	if err != nil || len(answer) == 0 { // also 204
		return silent, err
	}
	var in struct {
		Files *texts `json:"idArquivos"`
		Total text   `json:"quantidadeTotalRegistros"`
		Count text   `json:"quantidadeArquivo"`
	}
	if err := result(answer, &in); err != nil {
		return silent, err
	}
	out := silent
	if total, ok := in.Total.total(); ok {
		out.Total = int(total)
	}
	if count, ok := in.Count.total(); ok {
		out.Count = int(count)
	}
	if in.Files == nil {
		if saysNothing(answer) && out.Total <= 0 {
			out.Readiness = boleto.Ready
		}
		return out, nil
	}
	for _, id := range *in.Files {
		n := id.whole()
		if n == 0 {
			return silent, lost("an idArquivos that is none")
		}
		out.Files = append(out.Files, n)
	}
	out.Readiness = boleto.Ready
	return out, nil
}

// saysNothing tells an answer in words that there are no records.
func saysNothing(answer []byte) bool {
	return slices.ContainsFunc(saidIn(answer), func(m message) bool { return nothing.MatchString(string(m.Mensagem)) })
}

// readiness reads an answer that is not 2xx.
func readiness(o agent.Outcome, err error) (boleto.Readiness, error) {
	for _, m := range saidIn(o.Body) {
		switch {
		case m.Codigo == "5004", processing.MatchString(string(m.Mensagem)):
			return boleto.NotReady, nil
		case nothing.MatchString(string(m.Mensagem)):
			return boleto.Ready, nil
		}
	}
	if o.Status == http.StatusNotFound || len(o.Body) == 0 && o.Status < 500 && payments.FailureOf(err).Class == payments.Declined {
		return boleto.Silent, nil
	}
	return boleto.Silent, err
}

// downloadPatience is how long a file may take on the slowest of links.
const downloadPatience = 10 * time.Minute

// Read fetches one file, gives every settlement in it and counts the records of other movements. Nothing is given before the
// whole file was found to be sound; an error means that the window must be asked for again.
func (c *Client) Read(ctx context.Context, code, file int64, each func(boleto.Return) error) (other int, err error) {
	request := upstream.Request{
		Method: http.MethodGet, Path: c.v.download, Route: "/" + c.v.download, Query: c.who("codigoSolicitacao", itoa(code), "idArquivo", itoa(file)), Patience: downloadPatience,
	}
	var document upstream.Document
	_, err = c.withToken(ctx, func() (outcome agent.Outcome) {
		document, outcome = c.cloud.Open(ctx, request)
		return outcome
	})
	if err != nil {
		return 0, err
	}
	archive, err := unpack(document)
	if err := errors.Join(err, document.Close()); err != nil {
		return 0, err
	}
	return readArchive(archive, each)
}
