package evidence_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pdvagent/agent/ops/evidence"
)

// keep is where the reports of the sample are left, for a person's eyes.
var keep = flag.String("keep", "", "folder in which the sample's reports are left")

func left(t *testing.T, name string, content []byte) {
	t.Helper()
	if *keep == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*keep, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustHTML(t *testing.T, report *evidence.Report) []byte {
	t.Helper()
	text, err := report.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPageNeedsNothingElseAndIsWellFormed(t *testing.T) {
	text := mustHTML(t, sample())
	left(t, "homologacao.html", text)
	for _, foreign := range []string{"<script", "<img", "<link", "<iframe", "src=", "@import", "url(", " on"} {
		if body := regexp.MustCompile(`>[^<]*<`).ReplaceAll(text, []byte("><")); bytes.Contains(body, []byte(foreign)) {
			t.Errorf("it has %q", foreign)
		}
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.Entity = xml.HTMLEntity
	ids := make(map[string]bool)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			for _, attr := range start.Attr {
				if attr.Name.Local == "id" && ids[attr.Value] {
					t.Errorf("two elements are %s", attr.Value)
				}
				ids[attr.Value] = ids[attr.Value] || attr.Name.Local == "id"
			}
		}
	}
	if !ids["H14"] || !ids["itens"] {
		t.Errorf("its ids are %v", ids)
	}
}

func TestTextsOfOthersAreNoMarkup(t *testing.T) {
	report := sample()
	report.Items[0].Seen = []string{"</article><script>alert(1)</script>"}
	report.Cover.ShopName = `"><b>`
	text := string(mustHTML(t, report))
	for _, planted := range []string{"<script>", `"><b>`, "<b>CAFÉ"} {
		if strings.Contains(text, planted) {
			t.Errorf("it has %s", planted)
		}
	}
	if strings.Count(text, "</article>") != len(report.Items) {
		t.Error("an item ends elsewhere")
	}
}

func TestTheSameReportGivesTheSamePage(t *testing.T) {
	text := mustHTML(t, sample())
	read, err := evidence.Parse(mustJSON(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if again := mustHTML(t, read); !bytes.Equal(again, text) {
		t.Error("read back from its JSON it gives another page")
	}
}
