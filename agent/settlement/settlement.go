// Package settlement is the boleto ledger, and finding out which were paid: boletos issued at the bank or registered as
// issued elsewhere, the windows of days that the bank is asked about, and the match of each settlement that it tells with
// the boleto that it is of. A boleto is paid because the bank's file says so, and by nothing else; what matches only half
// is kept for a person. It knows no bank's routes: payments/sicoob brings those.
package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// Store is where the ledger is.
type Store interface {
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
	Record(bucket, key string) ([]byte, uint64, error)
	Records(bucket string, after []byte, limit int) ([]agent.Value, []byte, error)
}

// Bank issues boletos and tells which were paid. Every error is a [payments.Failure].
type Bank interface {
	Issue(ctx context.Context, o boleto.Order) (boleto.Issued, error)
	Find(ctx context.Context, nosso int64) (boleto.Issued, error)
	FindOf(ctx context.Context, document string, due time.Time) ([]boleto.Issued, error)
	Copy(ctx context.Context, nosso int64) ([]byte, error)
	WriteOff(ctx context.Context, nosso int64) error

	Request(ctx context.Context, from, to time.Time) (code int64, err error)
	Files(ctx context.Context, code int64) (boleto.Readiness, []int64, error)
	Read(ctx context.Context, code, file int64, each func(boleto.Return) error) error
}

// Config is what the ledger needs.
type Config struct {
	Store    Store
	Bucket   string // of the store
	Bank     Bank
	Vendor   string // its name for people, masculine
	Client   int64  // the shop's number at the bank: a settlement of another is not the shop's; 0: not known
	Modality int
	Ends     func() (time.Time, error) // of the shop's certificate; nil: there is none
	Alarms   *agent.Alarms
	Log      *slog.Logger

	Deadline time.Duration // that one request may take to be ready, default 10 min
	CatchUp  time.Duration // that one run spends on days long ago, default 30 min
	Now      func() time.Time
}

// Ledger is the boletos of a till. It is safe for concurrent use.
type Ledger struct {
	cfg  Config
	turn agent.Gate // who reads, changes and writes a boleto
}

// New checks and fills defaults.
func New(cfg Config) (*Ledger, error) {
	if cfg.Store == nil || cfg.Bucket == "" || cfg.Bank == nil || cfg.Vendor == "" || cfg.Modality <= 0 || cfg.Alarms == nil || cfg.Log == nil {
		return nil, errors.New("settlement.Config wants Store, Bucket, Bank, Vendor, Modality, Alarms and Log")
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 10 * time.Minute
	}
	if cfg.CatchUp == 0 {
		cfg.CatchUp = 30 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Ledger{cfg: cfg, turn: agent.NewGate()}, nil
}

// Status is where a boleto stands (till-api.md section 3).
type Status string

// The states.
const (
	Open       Status = "open"
	Paid       Status = "paid"
	WrittenOff Status = "written_off"
	Review     Status = "review" // money came that a person must look at
)

// Statuses gives all of them.
func Statuses() []Status { return []Status{Open, Paid, WrittenOff, Review} }

// Receipt is one settlement of a boleto.
type Receipt struct {
	Mark     string      `json:"mark"` // what makes it one, by contract 6
	Received agent.Cents `json:"received"`
	PaidOn   string      `json:"paid_on"`
	MovedOn  string      `json:"moved_on,omitempty"`
	CreditOn string      `json:"credit_on,omitempty"` // some banks do not tell
	Channel  string      `json:"channel"`             // pix or bank
	Means    string      `json:"means,omitempty"`     // in the bank's words
	By       string      `json:"matched_by"`          // nosso_numero, barcode or seu_numero
	Outside  bool        `json:"outside,omitempty"`   // of the window that was asked about
	At       time.Time   `json:"at"`                  // when it was read
}

// Boleto is one of the ledger. Who owes is not in it.
type Boleto struct {
	Type        string      `json:"type"` // boleto
	Status      Status      `json:"status"`
	NossoNumero int64       `json:"nosso_numero"`
	Written     string      `json:"written,omitempty"` // the number as the till wrote it, with its zeros
	SeuNumero   string      `json:"seu_numero,omitempty"`
	Amount      agent.Cents `json:"amount"`
	Due         string      `json:"due_date"`
	IssuedOn    string      `json:"issue_date,omitempty"`
	Barcode     string      `json:"barcode,omitempty"`
	Line        string      `json:"digitable_line,omitempty"`
	BRCode      string      `json:"brcode,omitempty"`
	Registered  bool        `json:"registered"`       // issued elsewhere
	Detail      string      `json:"detail,omitempty"` // Portuguese: why a person must look
	CreatedAt   time.Time   `json:"created_at"`
	UpdatedAt   time.Time   `json:"updated_at"`
	Receipts    []Receipt   `json:"receipts,omitempty"`
	Attention   bool        `json:"attention"`

	Resolution *payments.Resolution `json:"resolution,omitempty"`
}

// Number is the nosso número as the till wrote it.
func (b Boleto) Number() string {
	if b.Written != "" {
		return b.Written
	}
	return strconv.FormatInt(b.NossoNumero, 10)
}

// Received is what came in all.
func (b Boleto) Received() (sum agent.Cents) {
	for _, r := range b.Receipts {
		sum += r.Received
	}
	return sum
}

// Difference is what came more (or, negative, less) than was expected.
func (b Boleto) Difference() agent.Cents { return b.Received() - b.Amount }

// Last is the newest settlement; nil where there is none.
func (b Boleto) Last() *Receipt {
	if len(b.Receipts) == 0 {
		return nil
	}
	return &b.Receipts[len(b.Receipts)-1]
}

// The keys of the bucket: the store keeps their HMAC only.
func keyOf(nosso int64) string       { return "n:" + strconv.FormatInt(nosso, 10) }
func barcodeKey(code string) string  { return "b:" + code }
func seuKey(seu string) string       { return "s:" + seu }
func issueKey(key string) string     { return "i:" + key }
func strangerKey(mark string) string { return "u:" + mark }
func waitingKey(nosso int64) string  { return "w:" + strconv.FormatInt(nosso, 10) }

const windowsKey = "windows"

// index is what a key that is none of a boleto stands for.
type index struct {
	Type    string   `json:"type"` // index
	Numbers []int64  `json:"numbers,omitempty"`
	Marks   []string `json:"marks,omitempty"`
}

const (
	typeBoleto   = "boleto"
	typeIndex    = "index"
	typeIssue    = "issue"
	typeStranger = "stranger"
	typeWindows  = "windows"
)

// read gives a value and its version; ok is false where there is none.
func (l *Ledger) read(key string, into any) (version uint64, ok bool, err error) {
	raw, version, err := l.cfg.Store.Record(l.cfg.Bucket, key)
	if errors.Is(err, agent.ErrNotFound) {
		return 0, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	return version, err == nil, err
}

// put is a value on its way to the disk.
func (l *Ledger) put(key string, value any, version uint64) (agent.Record, error) {
	raw, err := json.Marshal(value)
	return agent.Record{Bucket: l.cfg.Bucket, Key: key, Value: raw, IfVersion: version}, err
}

// event tells who watches of a boleto.
func event(b Boleto) (agent.Event, error) {
	data, err := json.Marshal(map[string]any{
		"nosso_numero": b.Number(), "seu_numero": b.SeuNumero, "status": b.Status, "expected": b.Amount, "received": b.Received(), "difference": b.Difference(), "at": b.UpdatedAt,
	})
	return agent.Event{Type: typeBoleto, Key: strconv.FormatInt(b.NossoNumero, 10), Data: data, At: b.UpdatedAt}, err
}

// numberIn gives the nosso número that a barcode of the bank's own says; 0 for another.
func numberIn(barcode string) int64 {
	field, ok := boleto.ReadSicoob(barcode)
	if !ok {
		return 0
	}
	return int64(field.NossoNumero)
}

// indexed gives the puts that find a boleto by its other names.
func (l *Ledger) indexed(b Boleto) (puts []agent.Record, err error) {
	for key, used := range map[string]bool{barcodeKey(b.Barcode): b.Barcode != "" && numberIn(b.Barcode) != b.NossoNumero, seuKey(b.SeuNumero): b.SeuNumero != ""} {
		if !used {
			continue
		}
		known := index{Type: typeIndex}
		version, _, err := l.read(key, &known)
		if err != nil {
			return nil, err
		}
		known.Numbers = append(known.Numbers, b.NossoNumero)
		p, err := l.put(key, known, version)
		if err != nil {
			return nil, err
		}
		puts = append(puts, p)
	}
	return puts, nil
}

// save writes a boleto with whatever goes with it. Called with the turn.
func (l *Ledger) save(ctx context.Context, b *Boleto, version uint64, more ...agent.Record) error {
	b.Type, b.UpdatedAt = typeBoleto, l.cfg.Now()
	if version == 0 {
		puts, err := l.indexed(*b)
		if err != nil {
			return err
		}
		more = append(more, puts...)
	}
	p, err := l.put(keyOf(b.NossoNumero), b, version)
	if err != nil {
		return err
	}
	told, err := event(*b)
	if err != nil {
		return err
	}
	_, err = l.cfg.Store.Commit(context.WithoutCancel(ctx), agent.Change{Puts: append([]agent.Record{p}, more...), Events: []agent.Event{told}})
	if err == nil {
		l.alarm(*b)
	}
	return err
}

// alarm raises or ends the one alarm of a boleto.
func (l *Ledger) alarm(b Boleto) {
	subject := strconv.FormatInt(b.NossoNumero, 10)
	if !b.Attention {
		l.cfg.Alarms.Clear(agent.AlarmBoleto, subject)
		return
	}
	l.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmBoleto, Subject: subject, Since: b.UpdatedAt, Detail: "O boleto " + subject + " pede uma decisão. " + b.Detail + " Depois de resolver: pdvagent boletos resolve."})
}
