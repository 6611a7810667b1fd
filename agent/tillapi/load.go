package tillapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/catalog"
	"pdvagent/agent/source"
	"pdvagent/agent/web"
)

// maxLoad bounds the body of a load, in bytes (SEC-08). It is read record by record.
const maxLoad = 25_000_000

// Loads is what a pushed load means.
type Loads interface {
	Begin(kind agent.Kind, opt catalog.Options) (*catalog.Intake, error)
}

// load takes products, operators or old receipts: an array, an object with one, or one object a line. It answers when what
// is new or changed is on disk.
func (a *API) load(kind agent.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.cfg.Loads == nil {
			problem(w, r, agent.Errorf(agent.CodeNotConfigured, nil, "%s", notConfigured), "")
			return
		}
		body, err := web.Stream(w, r, maxLoad)
		if err != nil {
			problem(w, r, err, "")
			return
		}
		summary, err := a.take(r.Context(), kind, body)
		a.fullness(err)
		if err != nil {
			problem(w, r, withSummary(err, summary), "")
			return
		}
		w.Header().Set(web.HeaderDelivery, "queued")
		web.JSON(w, a.cfg.Accepted, summary)
	}
}

func (a *API) take(ctx context.Context, kind agent.Kind, body io.Reader) (summary catalog.Summary, err error) {
	intake, err := a.cfg.Loads.Begin(kind, catalog.Options{})
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, intake.Close()) }()
	elements := source.NewElements(body)
	var unreadable *agent.Fault // the first, while there was nothing else
	readable := 0
	for {
		record, fault, err := elements.Next()
		if errors.Is(err, io.EOF) {
			if readable == 0 && (unreadable != nil || elements.Empty()) {
				return intake.Summary(), nothingToRead(unreadable)
			}
			err = intake.Flush(ctx)
			return intake.Summary(), err
		}
		if err != nil { // what came before it was right, and is kept
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

// unreadableCode tells a record that is no JSON from one that says something wrong.
func unreadableCode(code string) bool {
	switch agent.Code(code) {
	case agent.CodeMalformed, agent.CodeDuplicateKey, agent.CodeTooDeep, agent.CodeEncoding, agent.CodeTooLarge:
		return true
	}
	return false
}

// nothingToRead refuses a body without a single readable record: it is no load with faults, it is no load.
func nothingToRead(first *agent.Fault) error {
	if first == nil {
		return agent.Errorf(agent.CodeMalformed, nil, "O corpo está vazio.")
	}
	return agent.Errorf(agent.Code(first.Code), nil, "%s", first.Detail)
}

func readError(err error) error {
	if told := web.StreamError(err); told != nil {
		return told
	}
	switch {
	case errors.Is(err, source.ErrCut):
		return agent.Errorf(agent.CodeMalformed, err, "O corpo termina no meio de um registro ou da lista.")
	case errors.Is(err, source.ErrShape):
		return agent.Errorf(agent.CodeMalformed, err, "O corpo deve ser uma lista de objetos, um objeto com a lista, ou um objeto por linha.")
	}
	return agent.Errorf(agent.CodeMalformed, err, "O corpo chegou incompleto.")
}

// withSummary says what was taken before the trouble: nobody needs to send that again, and whoever does changes nothing.
func withSummary(err error, summary catalog.Summary) error {
	err = agent.ForTill(err)
	e, ok := errors.AsType[*agent.Error](err)
	if !ok || summary.Accepted == 0 {
		return err
	}
	told := *e
	told.Message = fmt.Sprintf("%s Os %d registros certos antes disso foram aceitos; enviar tudo de novo não repete nenhum.", e.Message, summary.Accepted)
	return &told
}
