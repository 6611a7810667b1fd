package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/loads/catalog"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/till/web"
)

// maxLoad bounds the body of a load, in bytes (SEC-08). The body is read record by record.
const maxLoad = 25_000_000

// Loads takes the records of a load.
type Loads interface {
	Begin(kind agent.Kind, opt catalog.Options) (*catalog.Intake, error)
	Shape(kind agent.Kind) agent.LoadShape
	Fault(kind agent.Kind, body []byte) *agent.Fault
}

// load takes products, operators or old receipts: an array, an object with one, or one object per line. It answers when the
// new and changed records are on disk.
func (a *API) load(kind agent.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.cfg.Sales.configured() {
			problem(w, r, errNotConfigured(noLoyalty), "")
			return
		}
		body, err := web.Stream(w, r, maxLoad)
		if err != nil {
			problem(w, r, err, "")
			return
		}
		summary, err := a.takeRecords(r.Context(), kind, body)
		a.noteStoreFull(err)
		if err != nil {
			problem(w, r, refusalAfter(err, summary), "")
			return
		}
		w.Header().Set(web.HeaderDelivery, "queued")
		web.JSON(w, a.cfg.Sales.QueuedStatus, summary)
	}
}

// takeRecords reads a body to its end. An error comes with the summary of the records before it.
func (a *API) takeRecords(ctx context.Context, kind agent.Kind, body io.Reader) (summary catalog.Summary, err error) {
	intake, err := a.cfg.Sales.Loads.Begin(kind, catalog.Options{})
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, intake.Close()) }()
	elements := source.NewElements(body)
	var unreadable *agent.Fault // of the first record that is not JSON
	readable := 0
	for {
		record, fault, err := elements.Next()
		if errors.Is(err, io.EOF) {
			if readable == 0 && (unreadable != nil || elements.Empty()) {
				return intake.Summary(), emptyLoad(unreadable)
			}
			err = intake.Flush(ctx)
			return intake.Summary(), err
		}
		if err != nil { // the records before it are kept
			err = errors.Join(intake.Flush(ctx), readError(err))
			return intake.Summary(), err
		}
		if fault != nil {
			intake.Refuse("", *fault)
		} else if fault, err = intake.Add(ctx, record); err != nil {
			return intake.Summary(), err
		}
		switch {
		case fault == nil || !unreadableCode(fault.Code):
			readable++
		case unreadable == nil:
			unreadable = fault
		}
	}
}

// unreadableCode reports whether a fault means that the record is not JSON.
func unreadableCode(code string) bool {
	switch agent.Code(code) {
	case agent.CodeMalformed, agent.CodeDuplicateKey, agent.CodeTooDeep, agent.CodeEncoding, agent.CodeTooLarge:
		return true
	}
	return false
}

// emptyLoad is the refusal of a body without a readable record.
func emptyLoad(first *agent.Fault) error {
	if first == nil {
		return agent.Errorf(agent.CodeMalformed, nil, "O corpo está vazio.")
	}
	return agent.Errorf(agent.Code(first.Code), nil, "%s", first.Detail)
}

// readError translates an error in the middle of a body for the till.
func readError(err error) error {
	if refusal := web.StreamError(err); refusal != nil {
		return refusal
	}
	switch {
	case errors.Is(err, source.ErrComma):
		return agent.Errorf(agent.CodeMalformed, err, "O corpo não é JSON: há uma vírgula a mais antes do fim da lista.")
	case errors.Is(err, source.ErrCut):
		return agent.Errorf(agent.CodeMalformed, err, "O corpo termina no meio de um registro ou da lista.")
	case errors.Is(err, source.ErrShape):
		return agent.Errorf(agent.CodeMalformed, err, "O corpo deve ser uma lista de objetos, um objeto com a lista, ou um objeto por linha.")
	}
	return agent.Errorf(agent.CodeMalformed, err, "O corpo chegou incompleto.")
}

// refusalAfter adds to a refusal how many records were taken before it.
func refusalAfter(err error, summary catalog.Summary) error {
	err = agent.ForTill(err)
	e, ok := errors.AsType[*agent.Error](err)
	if !ok || summary.Accepted == 0 {
		return err
	}
	refusal := *e
	refusal.Message = fmt.Sprintf("%s Os %d registros certos antes disso foram aceitos; enviar tudo de novo não repete nenhum.", e.Message, summary.Accepted)
	return &refusal
}
