package loyalty

import (
	"context"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
	"pdvagent/mercafacil"
)

// memberRecord is what the store keeps of a member of the club, under the keyed hash of the document: a first name.
type memberRecord struct {
	Name string    `json:"name,omitempty"`
	At   time.Time `json:"at"`
}

// memberRecord gives the change of the member cache after a live start: a member is put into it, anybody else is deleted.
func (s *Service) memberRecord(document string, opened mercafacil.Opened) []agent.Record {
	if document == "" || document == "0" || opened.Loyalty == nil {
		return nil
	}
	if !*opened.Loyalty {
		return []agent.Record{s.memberTable.Delete(document, agent.AnyVersion)}
	}
	name, _, _ := strings.Cut(strings.TrimSpace(opened.Name), " ")
	put, err := s.memberTable.Put(document, memberRecord{name, s.cfg.Now().UTC()}, agent.AnyVersion)
	if err != nil { // a string and a time always encode
		return nil
	}
	return []agent.Record{put}
}

// member gives what the member cache knows of a shopper.
func (s *Service) member(document string) mercafacil.Member {
	if document == "" {
		return mercafacil.Member{}
	}
	row, err := s.memberTable.Row(document)
	if err != nil {
		s.cfg.Log.Error("member_unreadable", "error", err)
		return mercafacil.Member{}
	}
	known, err := row.Value()
	if err != nil || !row.Known() || s.stale(known) {
		return mercafacil.Member{}
	}
	return mercafacil.Member{Loyalty: true, FirstName: known.Name}
}

func (s *Service) stale(known memberRecord) bool {
	return s.cfg.Now().Sub(known.At) > s.cfg.MemberCache
}

// Forget deletes a shopper from the member cache (LGPD), and tells whether the cache had one.
func (s *Service) Forget(ctx context.Context, document string) (bool, error) {
	id, ok := reading.TaxID(document)
	if !ok {
		return false, invalid([]agent.Fault{{Field: "document", Code: "document", Detail: "Informe um CPF de 11 ou um CNPJ de 14 caracteres, com os dígitos verificadores certos."}})
	}
	document = string(id)
	if row, err := s.memberTable.Row(document); err == nil && !row.Known() {
		return false, nil
	}
	err := s.memberTable.Write(ctx, s.memberTable.Delete(document, agent.AnyVersion)) // also one that cannot be read
	return err == nil, agent.ForTill(err)
}
