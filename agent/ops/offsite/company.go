package offsite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	aliveFor  = time.Hour           // after a note was last seen to change
	forgotten = 90 * 24 * time.Hour // a note is removed
	maxNote   = 4 << 10             // bytes
	maxNotes  = 1000                // that are read: a shop has less tills
)

// note is what an agent leaves in the folder at each visit, under its own id.
type note struct {
	AgentID string    `json:"agent_id"`
	Shop    string    `json:"shop"`
	Till    string    `json:"till"`
	Primary bool      `json:"primary"`
	Version string    `json:"version"`
	Host    string    `json:"host"`
	Run     string    `json:"run"`  // of the process
	Beat    uint64    `json:"beat"` // visits of that process
	Seen    time.Time `json:"seen"` // by its clock: for people. Who is alive is judged by what changes.
}

// company is what earlier visits saw.
type company struct {
	run   string
	beat  uint64 // of the note that lies there; 0: none of this process yet
	known map[string]other
	twin  time.Time // when another process was last seen under our id
}

type other struct {
	note
	changed time.Time // when the note was last seen to change; zero: never
}

var noteName = regexp.MustCompile(`^pdvagent-([0-9a-f-]{36})\.json$`)

// meet reads the notes of the others, leaves ours, and raises or ends the alarms.
func (k *Keeper) meet(folder *osfile.Folder, entries []fs.DirEntry) error {
	now, seen := k.cfg.Now(), make(map[string]other)
	var err error
	for _, entry := range entries {
		if !noteName.MatchString(entry.Name()) || len(seen) >= maxNotes {
			continue
		}
		n, ok := readNote(folder, entry.Name())
		id := noteName.FindStringSubmatch(entry.Name())[1]
		switch {
		case !ok || n.Shop != k.cfg.Self.Shop:
		case id == k.cfg.Self.AgentID:
			if k.company.beat > 0 && n.Run != k.company.run {
				k.company.twin = now
			}
		case now.Sub(n.Seen) > forgotten:
			err = errors.Join(err, folder.Remove(entry.Name()))
		default:
			before, known := k.company.known[id]
			met := other{n, before.changed}
			if known && (before.Run != n.Run || before.Beat != n.Beat) {
				met.changed = now
			}
			seen[id] = met
		}
	}
	k.company.known = seen
	k.judge(now)
	return errors.Join(err, k.leave(folder, now))
}

func readNote(folder *osfile.Folder, name string) (n note, ok bool) {
	file, err := folder.Open(name)
	if err != nil { // it is being replaced, or may not be read by this till
		return n, false
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxNote))
	err = errors.Join(err, file.Close())
	return n, err == nil && json.Unmarshal(raw, &n) == nil
}

// leave writes our note.
func (k *Keeper) leave(folder *osfile.Folder, now time.Time) error {
	self, beat := k.cfg.Self, k.company.beat+1
	raw, err := json.Marshal(note{self.AgentID, self.Shop, self.Till, self.Primary, self.Version, self.Host, k.company.run, beat, now.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	name := "pdvagent-" + self.AgentID + ".json"
	part := name + partSuffix
	file, err := folder.Create(part)
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	if err = errors.Join(err, file.Close()); err == nil {
		err = folder.Move(part, name)
	}
	if err != nil {
		return errors.Join(err, folder.Remove(part))
	}
	k.company.beat = beat
	return nil
}

// The subjects of the alarm.
const (
	sameData    = "agent"
	sameTill    = "till"
	samePrimary = "primary"
)

// judge raises the alarm for who must not be there, and ends it an hour after he was last seen.
func (k *Keeper) judge(now time.Time) {
	found := make(map[string]string) // detail by subject
	if !k.company.twin.IsZero() && now.Sub(k.company.twin) < aliveFor {
		found[sameData] = "Os dados deste pdvagent rodam também em outra máquina (disco clonado, backup restaurado ao lado do original): as duas têm a mesma identidade. Pare o serviço na que não é o caixa; " +
			"nela, pdvagent store new --confirm começa vazio. O que a nuvem já tem ela recusa."
	}
	for _, o := range k.company.known {
		if o.changed.IsZero() || now.Sub(o.changed) >= aliveFor {
			continue
		}
		if o.Till == k.cfg.Self.Till {
			found[sameTill] = fmt.Sprintf("Outro pdvagent diz ser o caixa %s desta loja, na máquina %q (agente %s). Deixe um só: pare o outro, ou corrija shop.till em um deles.", o.Till, o.Host, o.AgentID)
		}
		if o.Primary && k.cfg.Self.Primary {
			found[samePrimary] = fmt.Sprintf("O caixa %s, na máquina %q, também é o principal desta loja. Só um pode ser: nos outros, pdvagent config set shop.primary false e reinicie o serviço.", o.Till, o.Host)
		}
	}
	for _, subject := range []string{sameData, sameTill, samePrimary} {
		detail, there := found[subject]
		if !there {
			k.cfg.Alarms.Clear(agent.AlarmShopConflict, subject)
		} else if k.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmShopConflict, Subject: subject, Detail: detail, Since: now}) {
			k.cfg.Log.Warn("shop_conflict", "subject", subject)
		}
	}
}
