// Package settlement is the ledger of boletos: those that the bank issued for a till, and those that were issued elsewhere
// and registered here. Its routine asks the bank, by windows of days, for the files of settled boletos, and matches each
// settlement in them with a boleto. Only the bank's file marks a boleto as paid; a settlement of which one field alone
// agrees is kept for a person.
//
// It knows no bank's routes: payments/sicoob does. Its callers are till/api, for the till and for support, and the
// settlement and retention routines. It calls the bank and the store, through package records.
package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// Bank issues boletos, and gives files of the settled ones. Every error is a [payments.Failure].
type Bank interface {
	Issue(ctx context.Context, o boleto.Order) (boleto.Issued, error)
	Find(ctx context.Context, nosso int64) (boleto.Issued, error)
	FindOf(ctx context.Context, document string, due time.Time) ([]boleto.Issued, error)
	Copy(ctx context.Context, nosso int64) ([]byte, error)
	WriteOff(ctx context.Context, nosso int64) error

	Request(ctx context.Context, from, to time.Time) (code int64, err error)
	Files(ctx context.Context, code int64) (boleto.Movements, error)
	Read(ctx context.Context, code, file int64, each func(boleto.Return) error) (other int, err error)
}

// Config is what the ledger needs.
type Config struct {
	Store    records.Store
	Bucket   string // of the store: all values of the ledger
	Bank     Bank
	Vendor   string // its name for people, masculine
	Client   int64  // the shop's number at the bank: settlements of another number are not the shop's; 0: not known
	Modality int
	Ends     func() (time.Time, error) // of the shop's certificate; nil: there is none
	Alarms   *agent.Alarms
	Log      *slog.Logger

	Deadline time.Duration // until a request is ready, default 10 min
	CatchUp  time.Duration // of one run for days long ago, default 30 min
	Now      func() time.Time
}

// Ledger holds the boletos of a till. It is safe for concurrent use.
type Ledger struct {
	cfg  Config
	turn agent.Gate // held from reading a boleto to writing it

	boletos   records.Table[Boleto] // the five share a bucket, with a prefix in each key and a type in each value
	indexes   records.Table[index]
	issues    records.Table[issue]
	strangers records.Table[Stranger]
	books     records.Table[book] // one value, under windowsKey
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
	return &Ledger{
		cfg: cfg, turn: agent.NewGate(), boletos: table[Boleto](cfg), indexes: table[index](cfg), issues: table[issue](cfg), strangers: table[Stranger](cfg), books: table[book](cfg),
	}, nil
}

// page is the values that are read at a time.
const page = 500

func table[T any](cfg Config) records.Table[T] {
	return records.Table[T]{Store: cfg.Store, Bucket: cfg.Bucket, Page: page}
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

// Words is the status for people, in Portuguese.
func (s Status) Words() string {
	return map[Status]string{Open: "aberto", Paid: "pago", WrittenOff: "baixado", Review: "por conferir"}[s]
}

// Statuses gives all of them.
func Statuses() []Status { return []Status{Open, Paid, WrittenOff, Review} }

// Receipt is one settlement of a boleto.
type Receipt struct {
	Mark     string      `json:"mark"` // identifies the settlement (sicoob.md 6)
	Received agent.Cents `json:"received"`
	PaidOn   string      `json:"paid_on"`
	MovedOn  string      `json:"moved_on,omitempty"`
	CreditOn string      `json:"credit_on,omitempty"` // empty: the bank does not say
	Channel  string      `json:"channel"`             // pix or bank
	Means    string      `json:"means,omitempty"`     // in the bank's words
	By       string      `json:"matched_by"`          // nosso_numero, barcode or seu_numero
	Outside  bool        `json:"outside,omitempty"`   // outside the window that was asked about
	At       time.Time   `json:"at"`                  // when it was read
}

// Boleto is a boleto of the ledger. The payer is not in it.
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
	Detail      string      `json:"detail,omitempty"` // Portuguese: why it is in review
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

// Received is the sum of the receipts.
func (b Boleto) Received() (sum agent.Cents) {
	for _, r := range b.Receipts {
		sum += r.Received
	}
	return sum
}

// Difference is how much more than the amount was received; negative: less.
func (b Boleto) Difference() agent.Cents { return b.Received() - b.Amount }

// Last is the newest receipt; nil where there is none.
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
func waitingKey(who string) string   { return "w:" + who }

const windowsKey = "windows"

// index lists the boletos of a barcode or seu número, or the marks of the strangers of one boleto.
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

// each hands on the rows of the type: the bucket holds several.
func each[T any](t records.Table[T], kind string, do func(records.Row[T]) error) error {
	return t.Each(func(row records.Row[T]) error {
		if typeOf(row.Raw) != kind {
			return nil
		}
		return do(row)
	})
}

// typeOf reads a value's type, which is the first member of all of them.
func typeOf(raw []byte) string {
	const head = `{"type":"`
	if len(raw) < len(head) || string(raw[:len(head)]) != head {
		return ""
	}
	rest := raw[len(head):]
	return string(rest[:max(slices.Index(rest, '"'), 0)])
}

// eventOf is the event of a boleto's change.
func eventOf(b Boleto) (agent.Event, error) {
	data, err := json.Marshal(map[string]any{
		"nosso_numero": b.Number(), "seu_numero": b.SeuNumero, "status": b.Status, "expected": b.Amount, "received": b.Received(), "difference": b.Difference(), "at": b.UpdatedAt,
	})
	return agent.Event{Type: typeBoleto, Key: strconv.FormatInt(b.NossoNumero, 10), Data: data, At: b.UpdatedAt}, err
}

// numberIn reads the nosso número in a barcode of the bank; 0 for another bank's barcode.
func numberIn(barcode string) int64 {
	field, ok := boleto.ReadSicoob(barcode)
	if !ok {
		return 0
	}
	return int64(field.NossoNumero)
}

// indexed makes the puts of a boleto's indexes: by its barcode, unless that holds the nosso número, and by its seu número.
func (l *Ledger) indexed(b Boleto) (puts []agent.Record, err error) {
	for key, used := range map[string]bool{barcodeKey(b.Barcode): b.Barcode != "" && numberIn(b.Barcode) != b.NossoNumero, seuKey(b.SeuNumero): b.SeuNumero != ""} {
		if !used {
			continue
		}
		known, row, err := l.indexes.Get(key)
		if err != nil {
			return nil, err
		}
		known.Type, known.Numbers = typeIndex, append(known.Numbers, b.NossoNumero)
		put, err := row.Put(known)
		if err != nil {
			return nil, err
		}
		puts = append(puts, put)
	}
	return puts, nil
}

// save writes a boleto in its row's place, together with more. The caller holds turn.
func (l *Ledger) save(ctx context.Context, b *Boleto, row records.Row[Boleto], more ...agent.Record) error {
	b.Type, b.UpdatedAt = typeBoleto, l.cfg.Now()
	if !row.Known() {
		puts, err := l.indexed(*b)
		if err != nil {
			return err
		}
		more = append(more, puts...)
	}
	put, err := row.Put(*b)
	if err != nil {
		return err
	}
	event, err := eventOf(*b)
	if err != nil {
		return err
	}
	_, err = l.cfg.Store.Commit(context.WithoutCancel(ctx), agent.Change{Puts: append([]agent.Record{put}, more...), Events: []agent.Event{event}})
	if err == nil {
		l.alarm(*b)
	}
	return err
}

// alarm raises or clears the one alarm of a boleto.
func (l *Ledger) alarm(b Boleto) {
	subject := strconv.FormatInt(b.NossoNumero, 10)
	if !b.Attention {
		l.cfg.Alarms.Clear(agent.AlarmBoleto, subject)
		return
	}
	l.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmBoleto, Subject: subject, Since: b.UpdatedAt, Detail: "O boleto " + subject + " pede uma decisão. " + b.Detail + " Depois de resolver: pdvagent boletos resolve."})
}
