package boleto

import (
	"time"

	"pdvagent/agent"
)

// Order is a boleto that a bank is asked to issue.
type Order struct {
	NossoNumero  int64       `json:"nosso_numero,omitempty"` // with its check digit; 0: the bank gives one
	SeuNumero    string      `json:"seu_numero,omitempty"`
	Amount       agent.Cents `json:"amount,omitempty"`
	IssuedOn     time.Time   `json:"issued_on,omitzero"`
	Due          time.Time   `json:"due,omitzero"`
	Payer        Payer       `json:"payer"`
	Instructions []string    `json:"instructions,omitempty"`
}

// Payer is who owes. All of it is personal.
type Payer struct {
	Document string `json:"document"` // CPF or CNPJ
	Name     string `json:"name"`
	Address  string `json:"address"`
	District string `json:"district"`
	City     string `json:"city"`
	ZIP      string `json:"zip"`
	State    string `json:"state"`
}

// Situation is what a bank says of a boleto.
type Situation string

// The situations. A word that nobody knows is none of them.
const (
	Open       Situation = "open"
	Settled    Situation = "paid"
	WrittenOff Situation = "written_off"
	Unclear    Situation = ""
)

// Issued is a boleto as its bank has it.
type Issued struct {
	NossoNumero int64
	SeuNumero   string
	Barcode     string
	Line        string
	BRCode      string      // of its Pix; empty: none
	Amount      agent.Cents // 0: not told, or not readable
	Due         time.Time
	Situation   Situation
	PDF         []byte // of a second copy
}

// Movements is what a bank says of the files that it was asked for.
type Movements struct {
	Readiness Readiness
	Files     []int64
	Total     int // records in all files together, as the bank counts them; -1: it does not say
	Count     int // files, as the bank counts them; -1: it does not say
}

// Readiness is what a bank says of the files that it was asked for.
type Readiness string

// The three answers (contracts/sicoob.md 4.3). Silent is none that says anything: it never means that nothing was paid.
const (
	Ready    Readiness = "ready"     // its files can be fetched; without any, nothing was paid
	NotReady Readiness = "not_ready" //
	Silent   Readiness = "silent"
)
