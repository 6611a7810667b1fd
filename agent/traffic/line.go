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

// Line is one exchange as people read it.
type Line struct {
	At       time.Time  `json:"at"`
	Side     agent.Side `json:"side"` // till or cloud
	Method   string     `json:"method"`
	Route    string     `json:"route"`
	Ref      string     `json:"ref,omitempty"`  // request id of the till's call, or number of the job
	Keys     []string   `json:"keys,omitempty"` // transaction_id and coupon of both bodies
	Status   int        `json:"status"`         // 0: no answer
	MS       float64    `json:"ms"`
	Delivery string     `json:"delivery,omitempty"`
	Origin   string     `json:"origin,omitempty"` // of a refusal
	Detail   string     `json:"detail,omitempty"`
	Dropped  int64      `json:"dropped,omitempty"` // lines before this one that found no room or no disk
	Request  *Body      `json:"request,omitempty"`
	Response *Body      `json:"response,omitempty"`
}

// Body is a masked body.
type Body struct {
	Bytes int             `json:"bytes"`
	JSON  json.RawMessage `json:"json,omitempty"`  // whole, masked
	Head  string          `json:"head,omitempty"`  // beginning of a masked one that is longer than [maxBody]
	Count int             `json:"count,omitempty"` // entries of its longest list, where there is a Head
	Hash  string          `json:"hash,omitempty"`  // mark of the whole, where there is a Head
	Shape string          `json:"shape,omitempty"` // beginning of one that is no JSON or was not kept whole: a letter is x, a digit 9
}

// maxBody bounds what is kept of a masked body, in bytes.
const maxBody = 8 << 10

// encode masks an exchange and gives its line, which says how many are missing before it.
func (j *Journal) encode(x handed, missing int64) ([]byte, error) {
	line := Line{
		At: x.At.UTC(), Side: x.Side, Method: x.Method, Route: x.Route, Ref: x.Ref, Status: x.Status,
		MS: float64(x.Took.Microseconds()) / 1000, Delivery: x.Delivery, Origin: x.Origin, Detail: x.Detail,
	}
	for _, text := range [][]byte{x.Request, x.Response} {
		line.Keys = append(line.Keys, keys(text)...)
	}
	if j.cfg.Bodies {
		line.Request, line.Response = j.body(x.Request, x.requestBytes, 0), j.body(x.Response, x.responseBytes, x.Status)
	}
	line.Dropped = missing
	encoded, err := json.Marshal(line)
	return append(encoded, '\n'), err
}

// keys gives the ids by which support looks for a sale.
func keys(text []byte) []string {
	parsed, err := rawjson.Parse(text)
	if err != nil {
		return nil
	}
	var list []string
	for _, name := range []string{"transaction_id", "coupon", "job"} {
		field, _ := parsed.Get(name)
		if id, ok := field.Text(); ok && id != "" && len(id) <= 100 {
			list = append(list, id)
		}
	}
	return list
}

// body masks a text that was that long; a longer one than is masked has lost its end and is no JSON any more.
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

// longest counts the entries of a load: of the list that the text is, or of the longest that it holds.
func longest(v rawjson.Value) int {
	most := len(v.Elements)
	for _, member := range v.Members {
		most = max(most, len(member.Value.Elements))
	}
	return most
}

// maxShape bounds the shape of a body, in bytes.
const maxShape = 256

// shape shows where a text is broken without what it says.
func shape(text []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsDigit(r):
			return '9'
		case unicode.IsLetter(r):
			return 'x'
		}
		return r
	}, string(text))
}
