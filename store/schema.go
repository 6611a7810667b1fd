package store

import (
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// schema is the version of the file's content. A newer file is refused, an older one is migrated step by step.
const schema = 2

// steps migrate from the schema that is the key to the next one. Each runs in one transaction that notes the new schema too.
var steps = map[int]func(*bbolt.Tx) error{
	1: nothing, // schema 2 has kinds of job that a program of schema 1 takes for damage
}

func nothing(*bbolt.Tx) error { return nil }

// migrate brings an older file to a schema. A copy of the file is made before the first step.
func (s *Store) migrate(to int) error {
	from, err := s.schemaOf()
	if err != nil || from == 0 || from == to {
		return err
	}
	if from > to {
		return agent.Errorf(agent.CodeDamaged, nil, "Os dados foram gravados por uma versão mais nova do pdvagent (formato %d). "+
			"Instale a versão nova de novo; esta não vai alterar os dados.", from)
	}
	kept := filepath.Join(s.cfg.Dir, fmt.Sprintf("%s.schema-%d", fileName, from))
	if err := s.copyAside(kept); err != nil {
		return fmt.Errorf("copy the data before they are changed: %w", err)
	}
	for at := from; at < to; at++ {
		if err := s.rawUpdate(func(tx transaction) error { return tx.migrateFrom(at) }); err != nil {
			return fmt.Errorf("bring the data from schema %d to %d: %w", at, at+1, err)
		}
	}
	s.cfg.Log.Info("store_migrated", "from", from, "to", to, "kept", kept)
	return nil
}

// schemaOf reads the schema of the file, 0 for a new one. It needs no key.
func (s *Store) schemaOf() (int, error) {
	found := 0
	err := s.rawView(func(tx transaction) error {
		b := bucketMeta.in(tx)
		if b == nil || b.Get(metaState) == nil {
			return nil
		}
		h, _, err := envelope.Peek(b.Get(metaState))
		if err != nil {
			return fmt.Errorf("%w: the store's own record", agent.ErrDamaged)
		}
		found = int(h.Version)
		return nil
	})
	return found, err
}

func (tx transaction) migrateFrom(from int) error {
	do, there := steps[from]
	if !there {
		return fmt.Errorf("there is no way from schema %d", from)
	}
	if err := do(tx.Tx); err != nil {
		return err
	}
	m, err := tx.meta()
	if err != nil {
		return err
	}
	m.Schema = from + 1
	return tx.putMeta(m)
}
