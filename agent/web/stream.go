package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// NDJSON is the type of a row of JSON objects, one in a line.
const NDJSON = "application/x-ndjson"

// Stream gives a body of records to read, in UTF-8, without ever having it whole. What [Body] refuses at once it refuses
// when it comes to it: see [StreamError]. limit is in bytes.
func Stream(w http.ResponseWriter, r *http.Request, limit int64) (io.Reader, error) {
	if !isJSON(r) && !isNDJSON(r) {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie JSON (Content-Type: application/json) ou um objeto por linha (%s).", NDJSON)
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie o corpo sem compressão.")
	}
	var body io.Reader = &watched{r: http.MaxBytesReader(w, r.Body, limit), scope: scopeOf(r), ended: func() { w.Header().Del("Connection") }}
	switch charset(r) {
	case "", "utf-8", "utf8":
		return &utf8Reader{r: body}, nil
	case "windows-1252", "iso-8859-1", "cp1252", "latin1":
		return &utf8Reader{r: transform.NewReader(body, charmap.Windows1252.NewDecoder()), foreign: true}, nil
	}
	return nil, agent.Errorf(agent.CodeEncoding, nil, "Use UTF-8 ou informe charset=windows-1252.")
}

func isNDJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (media == NDJSON || media == "application/ndjson")
}

// StreamError says to the till why a stream could not be read to its end; nil where err says nothing about that.
func StreamError(err error) *agent.Error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return agent.Errorf(agent.CodeTooLarge, err, "O corpo passa do limite de %d MB; divida a carga.", tooLarge.Limit/1_000_000)
	}
	switch {
	case errors.Is(err, rawjson.ErrEncoding):
		return agent.Errorf(agent.CodeEncoding, err, "O texto não está em UTF-8. Envie UTF-8 ou informe charset=windows-1252.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return agent.Errorf(agent.CodeMalformed, err, "O corpo chegou incompleto.")
	}
	return nil
}

// headBytes is how much of a stream the journal may see.
const headBytes = 4 << 10

// watched keeps the head of what is read for the journal, and notes the end.
type watched struct {
	r     io.Reader
	scope *requestScope
	ended func() // see guard.ServeHTTP
}

func (h *watched) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if room := headBytes - len(h.scope.request); room > 0 {
		h.scope.request = append(h.scope.request, p[:min(n, room)]...)
	}
	if errors.Is(err, io.EOF) {
		h.ended()
	}
	return n, err
}

// utf8Reader gives what is UTF-8, and then the error, wherever a read happens to be cut.
type utf8Reader struct {
	r       io.Reader
	foreign bool   // it was transcoded: what has no meaning there became the replacement character
	rest    []byte // of a character that was cut
	err     error
}

func (u *utf8Reader) Read(p []byte) (int, error) {
	if u.err != nil || len(p) <= utf8.UTFMax {
		return 0, errors.Join(u.err)
	}
	begun := copy(p, u.rest)
	n, err := u.r.Read(p[begun:])
	text := p[:begun+n]
	u.rest, u.err = nil, err
	right := 0
	for right < len(text) {
		c, size := utf8.DecodeRune(text[right:])
		if c == utf8.RuneError && (size <= 1 || u.foreign) {
			if err == nil && !utf8.FullRune(text[right:]) {
				u.rest = bytes.Clone(text[right:])
			} else {
				u.err = rawjson.ErrEncoding
			}
			break
		}
		right += size
	}
	if right > 0 {
		return right, nil
	}
	return 0, u.err
}
