package reading_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/transform"

	"pdvagent/agent/reading"
)

func TestBytesThatAreNoUTF8AreWindows1252(t *testing.T) {
	for sent, want := range map[string]string{
		"P\xc3O":                     "PÃO",
		"PÃO \U0001f600":             "PÃO \U0001f600",
		"PÃO, depois P\xc3O e \x80":  "PÃO, depois PÃO e €",
		"um pedaço no fim \xe3":      "um pedaço no fim ã",
		"indefinido \x81":            "indefinido \ufffd",
		strings.Repeat("\xe7", 5000): strings.Repeat("ç", 5000),
	} {
		for _, reader := range []io.Reader{strings.NewReader(sent), iotest.OneByteReader(strings.NewReader(sent))} {
			if got, err := io.ReadAll(transform.NewReader(reader, reading.LatinBytes{})); err != nil || string(got) != want {
				t.Errorf("%.40q: got %.60q, %v", sent, got, err)
			}
		}
	}
}
