package traffic

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
)

// Line is an exchange as it stands in the journal.
type Line struct {
	At       time.Time  `json:"at"`
	Side     agent.Side `json:"side"` // see agent.Sides
	Method   string     `json:"method"`
	Route    string     `json:"route"`
	Ref      string     `json:"ref,omitempty"`  // request id of the till's call, or number of the job
	Keys     []string   `json:"keys,omitempty"` // transaction_id and coupon of both bodies
	Status   int        `json:"status"`         // 0: no answer
	MS       float64    `json:"ms"`
	Delivery string     `json:"delivery,omitempty"`
	Origin   string     `json:"origin,omitempty"` // of a refusal
	Detail   string     `json:"detail,omitempty"`
	Dropped  int64      `json:"dropped,omitempty"` // lines before this one that were dropped
	Request  *Body      `json:"request,omitempty"`
	Response *Body      `json:"response,omitempty"`
}

// Body is a masked body.
type Body struct {
	Bytes int             `json:"bytes"`
	JSON  json.RawMessage `json:"json,omitempty"`  // masked; of a body of at most maxBody bytes
	Head  string          `json:"head,omitempty"`  // masked; the beginning of a longer one
	Count int             `json:"count,omitempty"` // with Head: entries of the body's longest list
	Hash  string          `json:"hash,omitempty"`  // with Head: see Config.Mark
	Shape string          `json:"shape,omitempty"` // beginning of a body that is not JSON, or was cut: a letter is x, a digit 9
}

// maxBody bounds a masked body in a line, in bytes.
const maxBody = 8 << 10

// encode returns the masked line of an entry; missing lines before it were dropped.
func (j *Journal) encode(e entry, missing int64) ([]byte, error) {
	line := Line{
		At: e.At.UTC(), Side: e.Side, Method: e.Method, Route: e.Route, Ref: e.Ref, Status: e.Status,
		MS: float64(e.Took.Microseconds()) / 1000, Delivery: e.Delivery, Origin: e.Origin, Detail: e.Detail,
	}
	for _, text := range [][]byte{e.Request, e.Response} {
		line.Keys = append(line.Keys, keys(text)...)
	}
	if j.cfg.Bodies {
		line.Request, line.Response = j.body(e.Request, e.requestBytes, 0), j.body(e.Response, e.responseBytes, e.Status)
	}
	line.Dropped = missing
	encoded, err := json.Marshal(line)
	return append(encoded, '\n'), err
}

// keys returns the ids in a body by which support looks for a sale; an id that may be somebody's name or document is none.
func keys(text []byte) []string {
	parsed, err := rawjson.Parse(text)
	if err != nil {
		return nil
	}
	var list []string
	for _, name := range []string{"transaction_id", "coupon", "job"} {
		field, _ := parsed.Get(name)
		if id, ok := field.Text(); ok && id != "" && mask.ID(id) == id {
			list = append(list, id)
		}
	}
	return list
}

// body masks a body that had that length before it may have been cut.
func (j *Journal) body(text []byte, length, status int) *Body {
	if length == 0 {
		return nil
	}
	b := &Body{Bytes: length}
	parsed, err := rawjson.Parse(text)
	if err != nil || len(text) < length {
		b.Shape = shape(text[:min(len(text), maxShape)])
		return b
	}
	masked := mask.Answer(status, text, parsed)
	if len(masked) > maxBody {
		b.Head, b.Count = strings.ToValidUTF8(string(masked[:maxBody]), ""), longest(parsed)
		if j.cfg.Mark != nil {
			b.Hash = j.cfg.Mark(text)
		}
		return b
	}
	b.JSON = masked
	return b
}

// longest returns the number of entries of a list, or of the longest list in an object.
func longest(v rawjson.Value) int {
	most := len(v.Elements)
	for _, member := range v.Members {
		most = max(most, len(member.Value.Elements))
	}
	return most
}

// maxShape bounds the text that a shape is made of, in bytes.
const maxShape = 256

// shape shows the structure of a text without its content.
func shape(text []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsNumber(r):
			return '9'
		case unicode.IsLetter(r):
			return 'x'
		}
		return r
	}, string(text))
}
