// Package offsite keeps sealed copies of the store in a folder of another machine, such as the shop's server, and reads there
// who else runs in the shop: a second agent of a till, a second primary till, the same data on two machines.
//
// No sale waits for it: the folder is visited by a goroutine of its own, and one that is away, full or silent is an alarm.
// Others write to the folder too: its files are regular ones, and none is believed in more than what a note says. The wiring
// hands in what seals; package store makes and opens what is sealed.
package offsite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	between  = 10 * time.Minute // two visits
	patience = 2 * time.Minute  // without an end of a visit or a byte of a copy, before the folder counts as silent
	// age is how old the newest copy becomes for each ageBytes begun of the database: a large one is copied less often.
	age      = time.Hour
	ageBytes = 64 << 20
)

// Self is who this agent says that it is.
type Self struct {
	AgentID, Shop, Till string
	Primary             bool
	Version, Host       string
}

// Config says where the copies go and what they are made of.
type Config struct {
	Folder string // that is there: it is never made, for it may be a mount that is away
	Self   Self
	Seal   func(w io.Writer) error // writes a sealed copy of the store as it is now
	Size   func() int64            // of the database, in bytes
	Alarms *agent.Alarms
	Log    *slog.Logger

	Between  time.Duration    // two visits; default 10 minutes
	Patience time.Duration    // with a silent folder; default 2 minutes
	Now      func() time.Time // default time.Now
}

// Keeper visits the folder.
type Keeper struct {
	cfg     Config
	kick    chan struct{}
	company company
	made    string       // the copy of this process that is the newest
	trouble string       // of the alarm that is raised
	wrote   atomic.Int64 // bytes of copies that the folder took
}

// New makes a keeper.
func New(cfg Config) (*Keeper, error) {
	if cfg.Folder == "" || cfg.Self.AgentID == "" || cfg.Seal == nil || cfg.Size == nil || cfg.Alarms == nil || cfg.Log == nil {
		return nil, errors.New("offsite.Config lacks a required field")
	}
	if cfg.Between == 0 {
		cfg.Between = between
	}
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Keeper{cfg: cfg, kick: make(chan struct{}, 1), company: company{run: rand.Text()}}, nil
}

// Kick has a copy made now.
func (k *Keeper) Kick() {
	select {
	case k.kick <- struct{}{}:
	default: // one is due already
	}
}

// Run visits the folder until ctx ends. It does not wait for a visit that the folder's machine does not end.
func (k *Keeper) Run(ctx context.Context) error {
	now := false
	for {
		k.attempt(ctx, now)
		select {
		case <-ctx.Done():
			return nil
		case <-k.kick:
			now = true
		case <-time.After(k.cfg.Between):
			now = false
		}
	}
}

// attempt makes one visit, and says how it ended.
func (k *Keeper) attempt(ctx context.Context, now bool) {
	done := make(chan error, 1)
	go func() { done <- k.visit(now) }()
	silent := time.NewTicker(k.cfg.Patience)
	defer silent.Stop()
	for wrote := k.wrote.Load(); ; {
		select {
		case <-ctx.Done():
			return
		case <-silent.C:
			if now := k.wrote.Load(); now != wrote { // a slow copy is no silent folder
				wrote = now
				continue
			}
			k.say("ela não responde", nil)
		case err := <-done:
			k.say(trouble(err), err)
			return
		}
	}
}

// visit notes who is there, and makes a copy when one is due or asked for.
func (k *Keeper) visit(now bool) error {
	folder, err := osfile.OpenFolder(k.cfg.Folder)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // what was written is synced
	entries, err := folder.Entries(".")
	if err != nil {
		return err
	}
	err = k.meet(folder, entries)
	if now || k.due(entries) {
		err = errors.Join(err, k.copy(folder))
	}
	return errors.Join(err, k.drop(folder))
}

// say raises the alarm for a trouble of the folder, or ends it.
func (k *Keeper) say(trouble string, cause error) {
	if trouble == k.trouble {
		return
	}
	k.trouble = trouble
	k.cfg.Alarms.Clear(agent.AlarmBackupCopy, "")
	if trouble == "" {
		return
	}
	k.cfg.Log.Warn("backup_not_copied", "folder", k.cfg.Folder, "detail", trouble, "error", cause)
	k.cfg.Alarms.Raise(agent.Alarm{
		Code: agent.AlarmBackupCopy, Since: k.cfg.Now(),
		Detail: fmt.Sprintf("A pasta de backup.copy_to, %s, não está em ordem: %s. As vendas seguem; a pasta é tentada de novo a cada 10 minutos. "+
			"Se esta máquina se perder agora, perde-se o que entrou desde a última cópia que chegou.", k.cfg.Folder, trouble),
	})
}

// trouble says in Portuguese why a visit failed; empty for nil.
func trouble(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, agent.ErrStoreFull):
		return "não há espaço no disco desta máquina para prepará-la"
	case errors.Is(err, osfile.ErrDiskFull):
		return "a pasta está cheia; libere espaço nela"
	case errors.Is(err, fs.ErrPermission):
		return "o usuário do serviço não pode gravar nela; confira os direitos da pasta e do compartilhamento"
	case errors.Is(err, os.ErrNotExist), errors.Is(err, osfile.ErrNotFolder):
		return "ela não está ao alcance; confira o servidor, a rede e se está montada"
	}
	return agent.Cause(err)
}
