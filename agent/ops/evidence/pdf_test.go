package evidence_test

import (
	"bytes"
	"testing"

	"pdvagent/agent/ops/evidence"
)

func mustPDF(t *testing.T, report *evidence.Report) []byte {
	t.Helper()
	text, err := report.PDF()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheSameReportGivesTheSamePDF(t *testing.T) {
	first := mustPDF(t, sample())
	left(t, "homologacao.pdf", first)
	read, err := evidence.Parse(mustJSON(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if again := mustPDF(t, read); !bytes.Equal(again, first) {
		t.Error("read back from its JSON it gives another PDF")
	}
	edited := sample()
	edited.Items[0].Title += "."
	if bytes.Equal(mustPDF(t, edited), first) {
		t.Error("another title gives the same PDF")
	}
}
