package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/osfile"
	"pdvagent/store/storetest"
)

// 2,000 spellings of persons in the messages of panics, as Go writes them: no report has one (SEC-14).
func TestNoSpellingOfAPersonIsInACrashReport(t *testing.T) {
	spellings := agenttest.Spellings()
	c := reporter(storetest.Dir(t))
	if err := osfile.MakePrivateFolder(c.Folder); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(c.Folder, outputName)
	for at := 0; at < len(spellings); at += 20 {
		var text strings.Builder
		for i, spelling := range spellings[at : at+20] {
			text.WriteString([]string{"panic: cliente ", "\tpanic: main.reason{text:", "fatal error: "}[i%3] + strings.ReplaceAll(spelling.Text, "\n", "\n\t") + "\n")
		}
		text.WriteString("\ngoroutine 7 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\n")
		if err := os.WriteFile(output, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := c.report(output)
		if err != nil {
			t.Fatal(err)
		}
		shown := read(t, report)
		if found := agenttest.Sightings(shown, spellings[at:at+20]); len(found) > 0 {
			t.Errorf("%d are seen, such as %q", len(found), found[0].Text)
		}
		if !strings.Contains(shown, "goroutine 7 [running]:\nmain.main()") {
			t.Errorf("the traces are gone: %s", shown)
		}
	}
}

// A message with a line that looks like a trace's begin is a message to its end: Go indents its lines.
func TestAMessageThatLooksLikeATraceIsMasked(t *testing.T) {
	folder := storetest.Dir(t)
	t.Setenv(dyingOf, "x\ngoroutine 7 [running]:\ncpf 123.456.789-09 de Terezinha Figueiredo")
	die(t, folder)
	crashed, done, err := reporter(folder).Watch()
	if err != nil || crashed == "" {
		t.Fatalf("got %q, %v", crashed, err)
	}
	defer done()
	if text := read(t, crashed); strings.Contains(text, "789") || strings.Contains(text, "Terezinha") || !strings.Contains(text, "crash_test.go") {
		t.Errorf("got %.600s", text)
	}
}
