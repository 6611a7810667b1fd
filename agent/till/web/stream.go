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
	"pdvagent/agent/reading"
)

// NDJSON is the media type of JSON objects, one per line.
const NDJSON = "application/x-ndjson"

// Stream returns a reader of a body of records, in UTF-8, that does not keep the body in memory. An error that [Body] returns
// at once comes from a Read here: see [StreamError]. limit bounds the body, in bytes.
func Stream(w http.ResponseWriter, r *http.Request, limit int64) (io.Reader, error) {
	if !isJSON(r) && !isNDJSON(r) {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie JSON (Content-Type: application/json) ou um objeto por linha (%s).", NDJSON)
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie o corpo sem compressão.")
	}
	if err := scopeOf(r).receive(r.Context()); err != nil { // to its end: what comes is written to disk as it comes
		return nil, err
	}
	var body io.Reader = &watched{r: http.MaxBytesReader(w, r.Body, limit), scope: scopeOf(r), ended: func() { w.Header().Del("Connection") }}
	switch declared := charset(r); {
	case declared == "" && reading.Latin(scopeOf(r).charset):
		return &utf8Reader{r: transform.NewReader(body, reading.LatinBytes{}), foreign: true}, nil
	case declared == "", declared == "utf-8", declared == "utf8":
		return &utf8Reader{r: body}, nil
	case reading.Latin(declared):
		return &utf8Reader{r: transform.NewReader(body, charmap.Windows1252.NewDecoder()), foreign: true}, nil
	}
	return nil, agent.Errorf(agent.CodeEncoding, nil, "Use UTF-8 ou informe charset=windows-1252.")
}

// File returns a reader of a body that is a file: its bytes as they come. The journal gets none of it. limit bounds it.
func File(w http.ResponseWriter, r *http.Request, limit int64) (io.Reader, error) {
	if !isFile(r) {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie o arquivo como application/octet-stream.")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie o arquivo sem compressão.")
	}
	if err := scopeOf(r).receive(r.Context()); err != nil {
		return nil, err
	}
	Unseen(r)
	return &fileBody{http.MaxBytesReader(w, r.Body, limit), func() { w.Header().Del("Connection") }}, nil
}

// fileBody lets the connection be kept once it was read to its end, see guard.ServeHTTP.
type fileBody struct {
	io.Reader
	ended func()
}

func (b *fileBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended()
	}
	return n, err
}

// isFile reports whether the Content-Type is a file's. No page can send it without asking first.
func isFile(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/octet-stream"
}

func isNDJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (media == NDJSON || media == "application/ndjson")
}

// StreamError translates an error of a stream's Read for the till; nil for any other error.
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

// headBytes bounds the beginning of a stream that the journal gets.
const headBytes = 4 << 10

// watched keeps the beginning of a body for the journal, and calls ended at its end.
type watched struct {
	r     io.Reader
	scope *requestScope
	ended func()
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

// utf8Reader checks that a text is UTF-8, wherever its reads end. It returns the valid text before the error.
type utf8Reader struct {
	r       io.Reader
	foreign bool   // transcoded: an undefined byte became the replacement character
	rest    []byte // bytes of a character that the last read cut
	err     error
}

func (u *utf8Reader) Read(p []byte) (int, error) {
	if u.err != nil || len(p) <= utf8.UTFMax {
		return 0, u.err
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
