package mask

import (
	"net/http"

	"pdvagent/agent/rawjson"
)

// Masker masks a text while it is read: it is a [rawjson.Visitor]. It reads no value behind the beginning that is kept.
type Masker struct {
	text    []byte
	refusal bool
	most    int
	at      int // what lies before it is in masked
	masked  []byte
}

// NewMasker begins to mask a body, as [Answer] does by the status: at least most bytes of its mask, if it has so many.
func NewMasker(status int, text []byte, most int) *Masker {
	const longer = 256 // than the text, a mask may be
	return &Masker{text: text, refusal: status >= http.StatusBadRequest, most: most, masked: make([]byte, 0, max(0, min(len(text), most)+longer))}
}

// Name masks a name.
func (m *Masker) Name(i int, name rawjson.Member) {
	if m.full() {
		return
	}
	if hidden := maskedName(i, name.Name); hidden != nil {
		m.replace(name.NameStart, name.NameEnd, hidden)
	}
}

// Scalar masks a value.
func (m *Masker) Scalar(under string, depth int, v rawjson.Value) {
	if m.full() || v.Kind != rawjson.String && v.Kind != rawjson.Number {
		return
	}
	hidden := masked(under, v)
	if hidden == nil {
		return
	}
	if m.refusal && depth == 1 && (under == "message" || under == "error" || under == "detail") {
		words, _ := v.Text() // a string and a number have one
		hidden = rawjson.Quote(Text(words))
	}
	m.replace(v.Start, v.End, hidden)
}

// End masks nothing.
func (m *Masker) End(int, rawjson.Value, int) {}

// Masked gives the mask, once the text was read; whole is false for the beginning of a longer one.
func (m *Masker) Masked() (masked []byte, whole bool) {
	if !m.full() {
		m.copyTo(len(m.text))
	}
	return m.masked, !m.full()
}

// full tells that enough is kept.
func (m *Masker) full() bool { return len(m.masked) > m.most }

func (m *Masker) replace(start, end int, by []byte) {
	if m.copyTo(start); !m.full() {
		m.masked, m.at = append(m.masked, by...), end
	}
}

// copyTo keeps the text as it is up to there, or as much of it as is wanted.
func (m *Masker) copyTo(end int) {
	room := m.most - len(m.masked)
	if room < end-m.at {
		end = m.at + room + 1
	}
	m.masked, m.at = append(m.masked, m.text[m.at:end]...), end
}
