package web

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// bom is the byte order mark that some Windows libraries put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

var errNotJSON = agent.Errorf(agent.CodeMediaType, nil, "Envie o corpo como JSON, com Content-Type: application/json.")

// isJSON reports whether the Content-Type is JSON.
func isJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// charset returns the charset parameter of the Content-Type; ? for a header that cannot be parsed.
func charset(r *http.Request) string {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "?"
	}
	return strings.ToLower(params["charset"])
}

// Body reads a JSON body of at most limit bytes as UTF-8: it drops a byte order mark, transcodes windows-1252 where that is
// declared, or configured for bodies that declare nothing ([Config].Charset), and refuses any other text that is not UTF-8.
// With [agent.CodeEncoding] it gives the bytes as they came.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if !isJSON(r) {
		return nil, errNotJSON
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie o corpo sem compressão.")
	}
	if err := scopeOf(r).receive(r.Context()); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	scopeOf(r).request = body // the journal sees the bytes of a refused body
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, agent.Errorf(agent.CodeTooLarge, err, "O corpo passa do limite de %d KiB.", limit>>10)
	}
	if err != nil {
		return nil, agent.Errorf(agent.CodeMalformed, err, "O corpo chegou incompleto.")
	}
	if err := scopeOf(r).received(); err != nil {
		return nil, err
	}
	w.Header().Del("Connection") // the body is read to its end: the connection can be kept, see guard.ServeHTTP
	text, err := decode(body, cmp.Or(charset(r), undeclared(body, scopeOf(r).charset)))
	if err != nil {
		return body, err
	}
	scopeOf(r).request = text
	return text, nil
}

// undeclared is the charset of a body that declares none: the configured one, unless it is UTF-8.
func undeclared(body []byte, configured string) string {
	if configured == "" || utf8.Valid(body) {
		return "utf-8"
	}
	return configured
}

// decode gives a text as UTF-8.
func decode(body []byte, charset string) ([]byte, error) {
	switch {
	case charset == "utf-8", charset == "utf8":
		if !utf8.Valid(body) {
			return nil, notUTF8(body)
		}
		return bytes.TrimPrefix(body, bom), nil
	case reading.Latin(charset):
		text, ok := reading.FromLatin(body)
		if !ok {
			return nil, agent.Errorf(agent.CodeEncoding, nil, "O texto tem bytes que não existem em windows-1252.")
		}
		return text, nil
	}
	return nil, agent.Errorf(agent.CodeEncoding, nil, "Use UTF-8 ou informe charset=windows-1252.")
}

// notUTF8 is the refusal of a text with the place of its first byte that is not UTF-8.
func notUTF8(body []byte) error {
	at := 0
	for at < len(body) {
		r, size := utf8.DecodeRune(body[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	place := reading.Place(body, at)
	return agent.Errorf(agent.CodeEncoding, place, "O texto não está em UTF-8: linha %d, coluna %d, perto de «%s». Envie UTF-8, informe charset=windows-1252 "+
		"ou configure till.charset.", place.Line, place.Column, place.Shape)
}
