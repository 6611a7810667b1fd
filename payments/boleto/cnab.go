package boleto

import (
	"bytes"
	"cmp"
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
	MovedOn     time.Time   `json:"moved_on,omitzero"` // day of the bank's processing, where a layout tells it besides PaidOn
	PaidOn      time.Time   `json:"paid_on,omitzero"`
	CreditOn    time.Time   `json:"credit_on,omitzero"` // optional, also by the bank
	Channel     string      `json:"channel,omitempty"`  // pix or bank
	Means       string      `json:"means,omitempty"`    // in the bank's words
	Account     int64       `json:"account,omitempty"`
	Credited    agent.Cents `json:"credited,omitempty"` // after the bank's fee, where it is told
	Fault       string      `json:"fault,omitempty"`    // what in it cannot be read, in Portuguese: nobody may count with it
	Unclear     bool        `json:"unclear,omitempty"`  // it does not say plainly that it is a settlement; Fault says why
	Raw         string      `json:"raw,omitempty"`      // of a record without a readable field: its text, bounded
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

// liquidation tells the codes that say that money came (boleto.md 8.5, 8.6), and those that say something else. A code that
// is neither is not known.
func liquidation(layout Layout, code string) (settles, known bool) {
	if layout == CNAB240 {
		settles = slices.Contains([]string{"06", "17"}, code)
		others := "02 03 04 05 07 08 09 11 12 13 14 15 19 20 23 24 25 26 27 28 29 30 44 45 48 50"
		return settles, settles || slices.Contains(strings.Fields(others), code)
	}
	settles = slices.Contains([]string{"05", "06", "15"}, code)
	return settles, settles || slices.Contains(strings.Fields("02 03 09 10 11 12 13 14 19 20 23 27 28 48"), code)
}

// ReadCNAB gives every settlement of a return file, and counts the records that tell of something else. A record of an unknown
// code is given as unclear; a field that cannot be read is its record's fault. A T without its U ends the file: half a file
// says nothing. Its own errors are for people.
func ReadCNAB(layout Layout, text []byte, each func(Return) error) (other int, err error) {
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
		if r.broken {
			return other, fmt.Errorf("linha %d: é um segmento T onde devia vir o U", n)
		}
		if r.other {
			other++
		}
		if found == nil {
			continue
		}
		if err := each(*found); err != nil {
			return other, err
		}
	}
	if pending != nil {
		return other, errors.New("o arquivo termina depois de um segmento T sem o seu U")
	}
	return other, nil
}

// cnabLine reads the places of a line, which count from 1 as in the bank's book.
type cnabLine struct {
	text   string
	n      int
	fault  string // of the first field that cannot be read
	broken bool   // a U is missing
	other  bool   // a record that tells of no money
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
	if l.fault == "" {
		l.fault = fmt.Sprintf("linha %d, colunas %d a %d: %s", l.n, from, to, what)
	}
}

// begin makes the record of a movement's code; nil for one that tells of no money.
func (l *cnabLine) begin(layout Layout, code string) *Return {
	settles, known := liquidation(layout, code)
	if l.other = known && !settles; l.other {
		return nil
	}
	r := &Return{Channel: "bank", Means: fmt.Sprintf("CNAB %d, %s %s", layout, map[Layout]string{CNAB240: "movimento", CNAB400: "comando"}[layout], code)}
	if !known {
		r.Unclear, r.Fault = true, fmt.Sprintf("linha %d: o código de movimento %q não é conhecido", l.n, code)
	}
	return r
}

// pair reads a line of CNAB 240: a T waits for its U.
func (l *cnabLine) pair(pending **Return) *Return {
	if l.text[7] != '3' {
		return nil
	}
	switch segment := l.text[13]; {
	case segment == 'T' && *pending != nil:
		l.broken = true
	case segment == 'T':
		r := l.begin(CNAB240, l.at(16, 17))
		if r == nil {
			return nil
		}
		r.Account, r.NossoNumero, r.Modality, r.SeuNumero, r.Amount = l.number(24, 36), l.number(38, 47), int(l.number(50, 51)), l.at(59, 73), l.cents(82, 96)
		r.Fault = cmp.Or(r.Fault, l.fault)
		*pending = r
	case segment == 'U' && *pending != nil:
		r := *pending
		*pending = nil
		r.Received, r.Credited, r.PaidOn = l.cents(78, 92), l.cents(93, 107), l.day(138, 145)
		r.Fault = cmp.Or(r.Fault, l.fault)
		r.CreditOn = l.day(146, 153) // optional: one that cannot be read is none
		return r
	}
	return nil
}

// detail reads a line of CNAB 400.
func (l *cnabLine) detail() *Return {
	if l.text[0] != '1' {
		return nil
	}
	r := l.begin(CNAB400, l.at(109, 110))
	if r == nil {
		return nil
	}
	r.NossoNumero, r.SeuNumero, r.Amount, r.Received, r.PaidOn = l.number(63, 74), l.at(117, 126), l.cents(153, 165), l.cents(254, 266), l.day(111, 116)
	r.Fault = cmp.Or(r.Fault, l.fault)
	r.CreditOn = l.day(176, 181) // optional: one that cannot be read is none
	return r
}
