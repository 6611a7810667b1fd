package loyalty

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/mercafacil"
)

// memberRecord is what the agent remembers of a member of the club: under the keyed hash of the document, no more than
// a first name.
type memberRecord struct {
	Name string    `json:"name,omitempty"`
	At   time.Time `json:"at"`
}

// memberRecord gives the records that keep the cache true after a live start: a member is remembered, anybody else
// forgotten.
func (s *Service) memberRecord(document string, opened mercafacil.Opened) []agent.Record {
	if document == "" || document == "0" || opened.Loyalty == nil {
		return nil
	}
	record := agent.Record{Bucket: s.cfg.MemberBucket, Key: document, IfVersion: agent.AnyVersion}
	if *opened.Loyalty {
		name, _, _ := strings.Cut(strings.TrimSpace(opened.Name), " ")
		data, err := json.Marshal(memberRecord{name, s.cfg.Now().UTC()})
		if err != nil { // a string and a time always encode
			return nil
		}
		record.Value = data
	}
	return []agent.Record{record}
}

// member tells what is known of a shopper without the cloud.
func (s *Service) member(document string) mercafacil.Member {
	if document == "" {
		return mercafacil.Member{}
	}
	data, _, err := s.cfg.Records.Record(s.cfg.MemberBucket, document)
	if err != nil {
		if !errors.Is(err, agent.ErrNotFound) {
			s.cfg.Log.Error("member_unreadable", "error", err)
		}
		return mercafacil.Member{}
	}
	var known memberRecord
	if json.Unmarshal(data, &known) != nil || s.stale(known) {
		return mercafacil.Member{}
	}
	return mercafacil.Member{Loyalty: true, FirstName: known.Name}
}

func (s *Service) stale(known memberRecord) bool {
	return s.cfg.Now().Sub(known.At) > s.cfg.MemberCache
}

// Forget removes a shopper from the member cache (LGPD). It tells whether there was anything to forget.
func (s *Service) Forget(ctx context.Context, document string) (bool, error) {
	if _, ok := agent.ParseDocument(document); !ok {
		return false, invalid([]agent.Fault{{Field: "document", Code: "document", Detail: "Informe um CPF de 11 ou um CNPJ de 14 caracteres, sem pontuação."}})
	}
	_, _, err := s.cfg.Records.Record(s.cfg.MemberBucket, document)
	if errors.Is(err, agent.ErrNotFound) {
		return false, nil
	}
	record := agent.Record{Bucket: s.cfg.MemberBucket, Key: document, IfVersion: agent.AnyVersion}
	_, err = s.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{record}})
	return err == nil, agent.ForTill(err)
}
