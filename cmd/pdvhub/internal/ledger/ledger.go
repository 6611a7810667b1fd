// Package ledger is what a hub keeps: who was invited, which agents joined, and the last state of each. It is an SQLite
// file in the hub's data folder; the hub and its commands use it at the same time.
//
// It decides nothing: package fleet says from a state how a till is. Package hub writes it.
package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"pdvagent/agent/chain"
	"pdvagent/agent/osfile"
)

const fileName = "hub.db"

// tables is the schema. What is there already stays.
const tables = `
CREATE TABLE IF NOT EXISTS invitation (
	hash TEXT PRIMARY KEY, shop TEXT NOT NULL, till TEXT NOT NULL, made INTEGER NOT NULL, ends INTEGER NOT NULL, used_by TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS agent (
	id TEXT PRIMARY KEY, key TEXT NOT NULL, shop TEXT NOT NULL, till TEXT NOT NULL, joined INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS state (
	agent TEXT PRIMARY KEY, seen INTEGER NOT NULL, run TEXT NOT NULL, run_before TEXT NOT NULL DEFAULT '', twice INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
) STRICT;`

// Ledger is an open file. It is safe for concurrent use.
type Ledger struct {
	db  *sql.DB
	now func() time.Time
}

// Open opens the ledger of a data folder, and makes both if they are missing.
func Open(ctx context.Context, dir string, now func() time.Time) (*Ledger, error) {
	if err := osfile.MakePrivateFolder(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, tables); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &Ledger{db, now}, nil
}

// Close closes the file.
func (l *Ledger) Close() error { return l.db.Close() }

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Invite makes a secret that lets one agent of a till join, for as long as it is valid.
func (l *Ledger) Invite(ctx context.Context, shop, till string, valid time.Duration) (secret string, err error) {
	secret = rand.Text()
	now := l.now()
	_, err = l.db.ExecContext(ctx, "INSERT INTO invitation (hash, shop, till, made, ends) VALUES (?, ?, ?, ?, ?)",
		hashOf(secret), shop, till, now.UnixMilli(), now.Add(valid).UnixMilli())
	return secret, err
}

// Refusals of a joining agent, in Portuguese for who installs it.
var (
	ErrUnknown = errors.New("este convite não existe neste hub; peça outro à rede")
	ErrOver    = errors.New("este convite venceu; peça outro à rede")
	ErrUsed    = errors.New("este convite já foi usado por outro caixa; peça outro à rede")
)

// ErrOther is an invitation of another till.
type ErrOther struct{ Shop, Till string }

func (e ErrOther) Error() string {
	return fmt.Sprintf("este convite é da loja %s, caixa %s; confira shop.id e shop.till deste caixa, ou peça outro à rede", e.Shop, e.Till)
}

// Join uses an invitation up. The same agent may use it again with another key: an answer may have been lost.
func (l *Ledger) Join(ctx context.Context, r chain.JoinRequest) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	var shop, till, usedBy string
	var ends int64
	err = tx.QueryRowContext(ctx, "SELECT shop, till, ends, used_by FROM invitation WHERE hash = ?", hashOf(r.Secret)).Scan(&shop, &till, &ends, &usedBy)
	now := l.now()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrUnknown
	case err != nil:
		return err
	case usedBy != "" && usedBy != r.Agent:
		return ErrUsed
	case now.UnixMilli() > ends:
		return ErrOver
	case shop != r.Shop || till != r.Till:
		return ErrOther{shop, till}
	}
	if _, err = tx.ExecContext(ctx, "UPDATE invitation SET used_by = ? WHERE hash = ?", r.Agent, hashOf(r.Secret)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO agent (id, key, shop, till, joined) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET key = excluded.key, shop = excluded.shop, till = excluded.till, joined = excluded.joined`,
		r.Agent, r.Key, r.Shop, r.Till, now.UnixMilli())
	if err != nil {
		return err
	}
	return tx.Commit()
}

// Keep writes the last states of agents, in one transaction. An agent that is not known joined a ledger that is lost: what the
// broker let in is a member.
func (l *Ledger) Keep(ctx context.Context, states []chain.State) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	statement, err := tx.PrepareContext(ctx, `INSERT INTO state (agent, seen, run, body) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (agent) DO UPDATE SET seen = excluded.seen, body = excluded.body, run = excluded.run,
			run_before = CASE WHEN run <> excluded.run THEN run ELSE run_before END,
			twice = CASE WHEN run <> excluded.run AND run_before = excluded.run THEN excluded.seen ELSE twice END`)
	if err != nil {
		return err
	}
	defer func() { _ = statement.Close() }()
	for _, s := range states {
		body, err := json.Marshal(s)
		if err == nil {
			_, err = tx.ExecContext(ctx, "INSERT OR IGNORE INTO agent (id, key, shop, till, joined) VALUES (?, '', ?, ?, ?)", s.Agent, s.Shop, s.Till, l.now().UnixMilli())
		}
		if err == nil {
			_, err = statement.ExecContext(ctx, s.Agent, l.now().UnixMilli(), s.Run, string(body))
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Till is an agent that joined, with its last state.
type Till struct {
	Agent, Shop, Till string
	Joined            time.Time
	Seen              time.Time // by the hub's clock; zero before its first state
	State             chain.State
	Twice             time.Time // when a run that another one had replaced spoke again: there are two machines; zero: never
}

// Tills lists them by shop and till.
func (l *Ledger) Tills(ctx context.Context) (list []Till, err error) {
	rows, err := l.db.QueryContext(ctx, `SELECT agent.id, agent.shop, agent.till, agent.joined, coalesce(seen, 0), coalesce(body, ''), coalesce(twice, 0)
		FROM agent LEFT JOIN state ON state.agent = agent.id ORDER BY agent.shop, agent.till, agent.id`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t Till
		var joined, seen, twice int64
		var body string
		if err := rows.Scan(&t.Agent, &t.Shop, &t.Till, &joined, &seen, &body, &twice); err != nil {
			return nil, err
		}
		t.Joined, t.Seen, t.Twice = at(joined), at(seen), at(twice)
		if body != "" {
			if err := json.Unmarshal([]byte(body), &t.State); err != nil {
				return nil, err
			}
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
