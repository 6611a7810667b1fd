package loyalty

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// Retry makes a dead, released or waiting job due at once.
func (s *Service) Retry(ctx context.Context, seq uint64) error {
	return s.change(ctx, seq, func(job *agent.Job) error {
		st := &job.Status
		switch {
		case st.State == agent.Held && (st.Reason == agent.ReasonInvalid || st.Reason == agent.ReasonConflict):
			return agent.Errorf(agent.CodeConflict, nil, "Este registro está retido por erro de conteúdo. Corrija-o (repair) ou descarte-o.")
		case len(job.Body) == 0 && st.Revision == 0:
			return agent.Errorf(agent.CodeConflict, nil, "O conteúdo deste registro não pode mais ser lido aqui. Corrija-o com um novo conteúdo ou descarte-o.")
		case st.State.Final():
			return settled(*job)
		}
		if err := s.stillWanted(*job); err != nil {
			return err
		}
		st.State, st.Reason, st.NotBefore = agent.Pending, "", time.Time{}
		return nil
	})
}

// stillWanted refuses to send a sale that the till cancelled after the cloud had refused it: its cancellation is annulled,
// and no other would follow.
func (s *Service) stillWanted(job agent.Job) error {
	if job.Kind != agent.KindCoupon || job.Status.State != agent.Dead {
		return nil
	}
	relatives, err := s.cfg.Store.Group(agent.CouponGroup(job.Coupon))
	if err != nil {
		return err
	}
	for _, other := range relatives {
		if other.Kind == agent.KindCouponCancellation && other.Status.State == agent.Annulled {
			return agent.Errorf(agent.CodeConflict, nil, "O caixa cancelou esta venda depois que ela foi recusada, e o cancelamento já terminou (registro %s). "+
				"Descarte-a.", other.ID())
		}
	}
	return nil
}

// maxReason bounds a person's reason, in bytes.
const maxReason = 200

// Discard ends a job because support said so. reason must not hold personal data.
func (s *Service) Discard(ctx context.Context, seq uint64, reason string) error {
	if reason == "" || len(reason) > maxReason {
		return invalid([]agent.Fault{{Field: "reason", Code: "required", Detail: "Diga o motivo, em até 200 caracteres."}})
	}
	return s.change(ctx, seq, func(job *agent.Job) error {
		if job.Status.State.Final() {
			return settled(*job)
		}
		job.Status.State, job.Status.Reason = agent.Discarded, agent.ReasonSupport+": "+reason
		return nil
	})
}

func settled(job agent.Job) error {
	return agent.Errorf(agent.CodeConflict, nil, "Este registro já terminou e não muda mais.")
}

// change has decide change a job's status, and writes it. After a lost race it begins again.
func (s *Service) change(ctx context.Context, seq uint64, decide func(*agent.Job) error) error {
	var err error
	for range maxRaces {
		var job agent.Job
		if job, err = s.job(seq); err != nil {
			return err
		}
		if err = decide(&job); err != nil {
			return err
		}
		_, err = s.cfg.Store.Commit(ctx, agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}})
		if !errors.Is(err, agent.ErrVersion) && !errors.Is(err, agent.ErrBadMove) {
			return agent.ForTill(err)
		}
	}
	return agent.Errorf(agent.CodeInFlight, err, "O registro está sendo enviado agora. Repita em instantes.")
}

// job reads a job; one whose body cannot be decrypted comes without it.
func (s *Service) job(seq uint64) (agent.Job, error) {
	job, err := s.cfg.Store.Job(seq)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		return job, agent.Errorf(agent.CodeNotFound, err, "Não há registro com este número.")
	case errors.Is(err, agent.ErrKeyMissing):
		return s.cfg.Store.Head(seq)
	}
	return job, err
}

// Repair gives a held or dead job a new content. One that was held as invalid or conflicting, or whose key is missing, is
// replaced by a new job. Any other keeps its number and its history and gets a new revision of the bytes that go up.
func (s *Service) Repair(ctx context.Context, seq uint64, text []byte) (agent.Receipt, error) {
	body, err := rawjson.Parse(text)
	if err != nil {
		return agent.Receipt{}, rawjson.Refusal(err)
	}
	job, err := s.job(seq)
	if err != nil {
		return agent.Receipt{}, err
	}
	if job.Status.State != agent.Held && job.Status.State != agent.Dead {
		return agent.Receipt{}, agent.Errorf(agent.CodeConflict, nil, "Só se corrige um registro retido (held) ou recusado (dead); este está %s.",
			job.Status.State)
	}
	reason := job.Status.Reason
	contradicts := job.Status.State == agent.Held && (reason == agent.ReasonInvalid || reason == agent.ReasonConflict)
	if contradicts || job.Dialect == "" { // without its key only its kind is known
		return s.replace(ctx, job, text)
	}
	warnings, err := s.sameThing(job, body)
	if err != nil {
		return agent.Receipt{}, err
	}
	if err := s.stillWanted(job); err != nil {
		return agent.Receipt{}, err
	}
	st := job.Status
	st.State, st.Reason, st.NotBefore, st.Revision = agent.Pending, "", time.Time{}, st.Revision+1
	change := agent.Change{
		Moves: []agent.Move{{Seq: seq, Status: st}},
		Wires: []agent.Wire{{Seq: seq, Revision: st.Revision, Body: onWire(job.Kind, job.Dialect, text)}},
	}
	if _, err := s.cfg.Store.Commit(ctx, change); err != nil {
		if errors.Is(err, agent.ErrVersion) {
			err = agent.Errorf(agent.CodeInFlight, err, "O registro mudou enquanto era corrigido. Leia-o de novo e repita.")
		}
		return agent.Receipt{}, agent.ForTill(err)
	}
	return agent.Receipt{Job: job.ID(), Warnings: warnings}, nil
}

// Faults gives what is wrong with a receipt, as it is checked when a till sends it. Other kinds are not checked.
func (s *Service) Faults(kind agent.Kind, text []byte) []agent.Fault {
	body, err := rawjson.Parse(text)
	if kind != agent.KindCoupon || err != nil {
		return nil
	}
	sale, form := mercafacil.ReadSale(body)
	faults, _ := validate(sale, form, time.Time{})
	return faults
}

// replace accepts the new content as if the till had sent it, then discards the old job.
func (s *Service) replace(ctx context.Context, old agent.Job, text []byte) (agent.Receipt, error) {
	if old.Dialect == "" {
		old.Dialect = s.cfg.Dialect
	}
	receipt, err := s.Accept(ctx, agent.Submission{Kind: old.Kind, Dialect: old.Dialect, Body: text})
	if err != nil {
		return receipt, err
	}
	if err := s.supersede(ctx, old.Seq); err != nil {
		return receipt, err
	}
	if seq, ok := agent.ParseJobID(receipt.Job); ok {
		if job, err := s.job(seq); err == nil {
			receipt.Warnings = s.doubles(job.Moment, job.Coupon)
		}
	}
	return receipt, nil
}

// supersede discards a held job, unless the acceptance of the new content did so.
func (s *Service) supersede(ctx context.Context, seq uint64) error {
	for range maxRaces {
		job, err := s.job(seq)
		if err != nil || job.Status.State.Final() {
			return err
		}
		change := agent.Change{Moves: []agent.Move{settle(job, agent.Discarded, agent.ReasonSuperseded)}}
		if _, err = s.cfg.Store.Commit(ctx, change); !errors.Is(err, agent.ErrVersion) {
			return agent.ForTill(err)
		}
	}
	return agent.Errorf(agent.CodeInFlight, nil, "O registro antigo está mudando agora. Repita em instantes.")
}

// sameThing checks that the repaired body is valid and about the same receipt or session. It gives warnings.
func (s *Service) sameThing(job agent.Job, body rawjson.Value) ([]string, error) {
	field, want := mercafacil.FieldTransactionID, job.Session
	if job.Kind == agent.KindCoupon || job.Kind == agent.KindCouponCancellation {
		field, want = mercafacil.FieldCoupon, job.Coupon
	}
	id, form := mercafacil.ReadID(body, field)
	faults := form.Faults
	var warnings []string
	if job.Kind == agent.KindCoupon {
		sale, form := mercafacil.ReadSale(body)
		more, notes := validate(sale, form, s.local())
		faults = append(faults, more...)
		for _, note := range notes {
			warnings = append(warnings, note.Code.Detail())
		}
		warnings = append(warnings, s.doubles(moment(sale), id)...)
	}
	if want != "" && id != want && len(faults) == 0 {
		faults = append(faults, agent.Fault{Field: field, Code: "changed", Detail: "A identificação não pode mudar na correção."})
	}
	if len(faults) > 0 {
		return nil, invalid(faults)
	}
	return warnings, nil
}

// doubles warns of another receipt with the same till, time and total. It reads every receipt: a repair is rare, and an
// index would cost every sale.
func (s *Service) doubles(moment, coupon string) []string {
	const page = 500
	for after := uint64(0); moment != ""; {
		receipts, err := s.cfg.Store.List("", agent.KindCoupon, after, page)
		if err != nil {
			s.cfg.Log.Error("receipts_unreadable", "error", err)
			return nil
		}
		for _, other := range receipts {
			after = other.Seq
			went := other.Status.State == agent.Sent || other.Status.State == agent.Pending
			if went && other.Moment == moment && other.Coupon != coupon {
				return []string{fmt.Sprintf("Atenção: a mesma venda (caixa, horário e total) já existe com outro cupom, no registro %s.", other.ID())}
			}
		}
		if len(receipts) < page {
			break
		}
	}
	return nil
}
