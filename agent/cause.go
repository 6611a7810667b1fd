package agent

import (
	"errors"
	"io/fs"
	"strings"
)

// causes are what the operating systems, the network and decoders say in English, and the same for a person.
var causes = []struct{ words, any string }{
	{"não é um JSON válido", "invalid character|unexpected end of json|not json|cannot unmarshal"},
	{"não é UTF-8", "invalid utf-8"},
	{"termina no meio", "unexpected eof"},
	{"não existe", "no such file|cannot find the file|cannot find the path|file does not exist"},
	{"sem permissão", "permission denied|access is denied|operation not permitted|read-only file system"},
	{"está aberto em outro programa", "being used by another process|text file busy|resource busy"},
	{"já existe", "file exists|already exists"},
	{"não é uma pasta", "not a directory|directory name is invalid"},
	{"é uma pasta", "is a directory"},
	{"o nome é longo demais", "name too long|path specified is too long"},
	{"o disco está cheio", "no space left|not enough space|disk quota exceeded"},
	{"o disco falhou", "input/output error|i/o device error"},
	{"a conexão foi recusada", "connection refused|actively refused"},
	{"a conexão caiu", "connection reset|broken pipe|forcibly closed|connection aborted"},
	{"o nome do servidor não foi encontrado", "no such host|server misbehaving"},
	{"não há caminho até o servidor", "network is unreachable|no route to host|unreachable host|host is down"},
	{"sem resposta a tempo", "deadline exceeded|timeout|timed out"},
	{"o certificado não é aceito", "x509|tls: "},
	{"foi interrompido", "context canceled"},
}

// Cause says in Portuguese why something failed, with the file that it was about. Of what it does not know it gives the error's
// own text.
func Cause(err error) string {
	text := strings.ToLower(err.Error())
	for _, c := range causes {
		for part := range strings.SplitSeq(c.any, "|") {
			if !strings.Contains(text, part) {
				continue
			}
			if path, ok := errors.AsType[*fs.PathError](err); ok {
				return path.Path + ": " + c.words
			}
			return c.words
		}
	}
	return err.Error()
}
