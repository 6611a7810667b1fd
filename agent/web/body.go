package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"pdvagent/agent"
)

// bom is the byte order mark that some Windows libraries put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

var errNotJSON = agent.Errorf(agent.CodeMediaType, nil, "Envie o corpo como JSON, com Content-Type: application/json.")

func isJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

func charset(r *http.Request) string {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "?"
	}
	return strings.ToLower(params["charset"])
}

// Body reads a JSON body as UTF-8: a byte order mark is dropped, windows-1252 is transcoded, anything else that is not
// UTF-8 is refused and never mangled. limit is in bytes.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if !isJSON(r) {
		return nil, errNotJSON
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, agent.Errorf(agent.CodeMediaType, nil, "Envie o corpo sem compressão.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	scopeOf(r).request = body // as it came, until it is known to be text
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, agent.Errorf(agent.CodeTooLarge, err, "O corpo passa do limite de %d KiB.", limit>>10)
	}
	if err != nil {
		return nil, agent.Errorf(agent.CodeMalformed, err, "O corpo chegou incompleto.")
	}
	w.Header().Del("Connection") // it came to its end, see guard.ServeHTTP
	switch charset(r) {
	case "", "utf-8", "utf8":
		body = bytes.TrimPrefix(body, bom)
	case "windows-1252", "iso-8859-1", "cp1252", "latin1":
		if body, err = charmap.Windows1252.NewDecoder().Bytes(body); err != nil {
			return nil, agent.Errorf(agent.CodeEncoding, err, "O texto não está em windows-1252.")
		}
		if bytes.ContainsRune(body, utf8.RuneError) { // five bytes of that code page mean nothing
			return nil, agent.Errorf(agent.CodeEncoding, nil, "O texto tem bytes que não existem em windows-1252.")
		}
	default:
		return nil, agent.Errorf(agent.CodeEncoding, nil, "Use UTF-8 ou informe charset=windows-1252.")
	}
	if !utf8.Valid(body) {
		return nil, agent.Errorf(agent.CodeEncoding, nil, "O texto não está em UTF-8. Envie UTF-8 ou informe charset=windows-1252.")
	}
	scopeOf(r).request = body
	return body, nil
}
