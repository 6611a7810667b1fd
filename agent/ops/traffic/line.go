package traffic

import (
	"encoding/json"
	"slices"
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
	line.Request = j.body(&line, e.Request, e.requestBytes, 0)
	line.Response = j.body(&line, e.Response, e.responseBytes, e.Status)
	line.Dropped = missing
	encoded, err := json.Marshal(line)
	return append(encoded, '\n'), err
}

// body notes the keys in a body, and gives its mask. The body had that length before it may have been cut.
func (j *Journal) body(line *Line, text []byte, length, status int) *Body {
	if length == 0 {
		return nil
	}
	most := -1 // nothing is kept
	if j.cfg.Bodies {
		most = maxBody
	}
	seen := bodyReader{Masker: mask.NewMasker(status, text, most)}
	err := rawjson.Walk(text, &seen)
	if err == nil {
		line.Keys = append(line.Keys, seen.inOrder()...)
	}
	if !j.cfg.Bodies {
		return nil
	}
	b := &Body{Bytes: length}
	if err != nil || len(text) < length {
		b.Shape = shape(text[:min(len(text), maxShape)])
		return b
	}
	masked, whole := seen.Masked()
	if whole {
		b.JSON = masked
		return b
	}
	b.Head, b.Count = strings.ToValidUTF8(string(masked[:maxBody]), ""), seen.longest
	if j.cfg.Mark != nil {
		b.Hash = j.cfg.Mark(text)
	}
	return b
}

// bodyReader masks a body, and notes what else the journal says of it, while it is read.
type bodyReader struct {
	*mask.Masker
	keys    [len(keyNames)]string
	longest int // entries of the list, or of the longest list in the object
	lists   int // entries of the longest list one level below
}

// keyNames are the ids by which support looks for a sale, in the order of a line.
var keyNames = [...]string{"transaction_id", "coupon", "job"}

// Scalar notes an id of the outermost object; one that may be somebody's name or document is none.
func (r *bodyReader) Scalar(under string, depth int, v rawjson.Value) {
	r.Masker.Scalar(under, depth, v)
	if depth != 1 {
		return
	}
	if i := slices.Index(keyNames[:], under); i >= 0 {
		if id, ok := v.Text(); ok && mask.ID(id) == id {
			r.keys[i] = id
		}
	}
}

// End notes how long a list is.
func (r *bodyReader) End(depth int, v rawjson.Value, entries int) {
	switch {
	case depth == 1 && v.Kind == rawjson.Array:
		r.lists = max(r.lists, entries)
	case depth == 0 && v.Kind == rawjson.Array:
		r.longest = entries
	case depth == 0:
		r.longest = r.lists
	}
}

// inOrder gives the ids that were seen.
func (r *bodyReader) inOrder() []string {
	return slices.DeleteFunc(r.keys[:], func(id string) bool { return id == "" })
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
