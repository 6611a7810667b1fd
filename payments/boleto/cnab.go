package boleto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
)

// Return is one settlement as a bank tells it: of a return file, or of an API. What is not told is zero.
type Return struct {
	Client      int64       `json:"client,omitempty"` // numeroCliente, or the account's in CNAB; 0: not told
	Modality    int         `json:"modality,omitempty"`
	NossoNumero int64       `json:"nosso_numero,omitempty"` // with its check digit; 0: missing
	SeuNumero   string      `json:"seu_numero,omitempty"`
	Barcode     string      `json:"barcode,omitempty"`
	Amount      agent.Cents `json:"amount,omitempty"` // as issued
	Received    agent.Cents `json:"received,omitempty"`
	MovedOn     time.Time   `json:"moved_on,omitzero"` // day of the bank's processing
	PaidOn      time.Time   `json:"paid_on,omitzero"`
	CreditOn    time.Time   `json:"credit_on,omitzero"` // optional, also by the bank
	Channel     string      `json:"channel,omitempty"`  // pix or bank
	Means       string      `json:"means,omitempty"`    // in the bank's words
	Account     int64       `json:"account,omitempty"`
	Credited    agent.Cents `json:"credited,omitempty"` // after the bank's fee, where it is told
	Fault       string      `json:"fault,omitempty"`    // what in it cannot be read, in Portuguese: nobody may count with it
}

// Layout is a kind of CNAB file.
type Layout int

// The layouts, by the length of their lines.
const (
	CNAB240 Layout = 240
	CNAB400 Layout = 400
)

// Sniff tells which layout a text has: every line's length, but for blanks that were trimmed at its end, and its header's
// first letters. 0: none.
func Sniff(text []byte) Layout {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	first = bytes.TrimRight(first, "\r\n")
	longest := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		line = bytes.TrimRight(line, "\r\x1a")
		if len(line) > longest {
			longest = len(line)
		}
		for _, c := range line {
			if c < ' ' {
				return 0
			}
		}
	}
	switch {
	case longest > int(CNAB240) && longest <= int(CNAB400) && len(first) > 9 && (first[0] == '0' || first[0] == '1'):
		return CNAB400
	case longest > 160 && longest <= int(CNAB240) && digitsOnly(string(first[:8])):
		return CNAB240
	}
	return 0
}

// liquidation tells the codes that say that money came (contract 8.5, 8.6).
func liquidation(layout Layout, code string) bool {
	if layout == CNAB240 {
		return slices.Contains([]string{"06", "17"}, code)
	}
	return slices.Contains([]string{"05", "06", "15"}, code)
}

// ReadCNAB gives every settlement of a return file. A line that cannot be read ends it: half a file says nothing. Its own
// errors are for people.
func ReadCNAB(layout Layout, text []byte, each func(Return) error) error {
	var pending *Return // the T of a pair
	n := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		n++
		line = bytes.TrimRight(line, "\r\x1a")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		padded := string(line) + strings.Repeat(" ", max(0, int(layout)-len(line)))
		r := &cnabLine{text: padded, n: n}
		var found *Return
		if layout == CNAB240 {
			found = r.pair(&pending)
		} else {
			found = r.detail()
		}
		if r.err != nil {
			return r.err
		}
		if found == nil {
			continue
		}
		if err := each(*found); err != nil {
			return err
		}
	}
	if pending != nil {
		return errors.New("o arquivo termina depois de um segmento T sem o seu U")
	}
	return nil
}

// cnabLine reads the places of a line, which count from 1 as in the bank's book.
type cnabLine struct {
	text string
	n    int
	err  error
}

func (l *cnabLine) at(from, to int) string { return strings.TrimSpace(l.text[from-1 : to]) }

func (l *cnabLine) number(from, to int) int64 {
	text := l.at(from, to)
	if text == "" {
		return 0
	}
	var n int64
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			l.fail(from, to, "não é um número")
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func (l *cnabLine) cents(from, to int) agent.Cents { return agent.Cents(l.number(from, to)) }

// day reads DDMMAAAA or DDMMAA; zeros and blanks are no date.
func (l *cnabLine) day(from, to int) time.Time {
	text := l.at(from, to)
	if strings.Trim(text, "0") == "" {
		return time.Time{}
	}
	form := "02012006"
	if len(text) == 6 {
		form = "020106"
	}
	at, err := time.Parse(form, text)
	if err != nil {
		l.fail(from, to, "não é uma data")
	}
	return at
}

func (l *cnabLine) fail(from, to int, what string) {
	if l.err == nil {
		l.err = fmt.Errorf("linha %d, colunas %d a %d: %s", l.n, from, to, what)
	}
}

// pair reads a line of CNAB 240: a T waits for its U.
func (l *cnabLine) pair(pending **Return) *Return {
	if l.text[7] != '3' {
		return nil
	}
	movement := l.at(16, 17)
	switch segment := l.text[13]; {
	case segment == 'T' && *pending != nil:
		l.fail(14, 14, "é um segmento T onde devia vir o U")
	case segment == 'T' && liquidation(CNAB240, movement):
		*pending = &Return{
			Account: l.number(24, 36), NossoNumero: l.number(38, 47), Modality: int(l.number(50, 51)), SeuNumero: l.at(59, 73),
			Amount: l.cents(82, 96), Means: "CNAB 240, movimento " + movement, Channel: "bank",
		}
	case segment == 'U' && *pending != nil:
		r := *pending
		*pending = nil
		r.Received, r.Credited = l.cents(78, 92), l.cents(93, 107)
		r.PaidOn, r.CreditOn = l.day(138, 145), l.day(146, 153)
		r.MovedOn = r.PaidOn
		return r
	}
	return nil
}

// detail reads a line of CNAB 400.
func (l *cnabLine) detail() *Return {
	command := l.at(109, 110)
	if l.text[0] != '1' || !liquidation(CNAB400, command) {
		return nil
	}
	paid := l.day(111, 116)
	return &Return{
		NossoNumero: l.number(63, 74), SeuNumero: l.at(117, 126), Amount: l.cents(153, 165), Received: l.cents(254, 266),
		PaidOn: paid, MovedOn: paid, CreditOn: l.day(176, 181), Means: "CNAB 400, comando " + command, Channel: "bank",
	}
}
