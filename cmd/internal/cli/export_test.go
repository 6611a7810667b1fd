package cli

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

// english are words that our codes, our libraries and habit would put before a person.
var english = regexp.MustCompile(`(?i)\b(pending|sent|dead|held|annulled|discarded|unread|accepted|coupon-cancellation|coupons-list|invalid|conflict|refused|superseded|` +
	`salvaged|created|registering|awaiting|paid|confirming|completed|failed|expired|canceled|cancelled|conflicted|unknown|open|review|written|running|done|interrupted|` +
	`unreachable|timeout|broken|foreign|usage|flags?|available|commands?|default|error|missing|required|argument|accepts|received|address|already|use|denied|refused|connection|` +
	`help|strings?|duration|the|and|of|with|for|not|was|is)\b`)

// code takes away what is no prose: options, commands to type, JSON, quoted codes of the configuration, addresses.
var code = regexp.MustCompile(`--[\w-]+|pdvagent [a-z-]+( [a-z-]+)*|(?m)^[ ]*["{}\[\]].*$|"[^"\n]*"|https?://\S+|/[\w/.-]+|\b[\w-]+\.[\w.-]+\b|\b\w+_\w+\b|X-[\w-]+|\b\w+-\w+-\w+\b|SELECT`)

// WantPortuguese wants a text without English words.
func WantPortuguese(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(code.ReplaceAllString(text, "")) {
		if found := english.FindString(line); found != "" {
			t.Errorf("%s says %q: %s", what, found, strings.TrimSpace(line))
		}
	}
}

// execute runs a command line in this process.
func execute(args ...string) (out string, err error) {
	var buffer bytes.Buffer
	root := newRoot(&buffer)
	root.SetArgs(args)
	err = usage.Named(root.Execute())
	return buffer.String(), err
}

// subcommand finds a line of the list of commands in a help text.
var subcommand = regexp.MustCompile(`(?m)^  ([a-z-]+)  +(.*)$`)

func TestHelpOfEveryCommandIsPortuguese(t *testing.T) {
	seen := 0
	var walk func(path []string)
	walk = func(path []string) {
		out, err := execute(append(path, "--help")...)
		if err != nil {
			t.Fatalf("%v: %v", path, err)
		}
		seen++
		list := ""
		if _, after, ok := strings.Cut(out, "\nComandos:\n"); ok {
			list, _, _ = strings.Cut(after, "\n\n")
		}
		WantPortuguese(t, strings.Join(path, " ")+" --help", subcommand.ReplaceAllString(out, "$2"))
		for _, found := range subcommand.FindAllStringSubmatch(list, -1) {
			walk(append(append([]string{}, path...), found[1]))
		}
	}
	walk(nil)
	if seen < 50 {
		t.Errorf("only %d commands were seen", seen)
	}
}

func TestWrongUseIsSaidInPortuguese(t *testing.T) {
	for _, args := range [][]string{
		{"fly"},
		{"queue", "fly"},
		{"status", "now"},
		{"status", "--fly"},
		{"status", "-x"},
		{"queue", "show"},
		{"queue", "ls", "--limit", "many"},
		{"queue", "ls", "--limit"},
		{"queue", "ls", "--state", "fly"},
		{"queue", "ls", "--kind", "fly"},
		{"payments", "ls", "--status", "fly"},
		{"traffic", "--since", "soon"},
		{"routines", "ls", "a", "b"},
		{"queue", "discard", "1"},
		{"queue", "repair", "1"},
		{"orders", "resolve", "1"},
		{"status", "--json=maybe"},
	} {
		out, err := execute(args...)
		if err == nil || exitCode(err) != ExitUsage || out != "" {
			t.Errorf("%v: got %q, %v", args, out, err)
			continue
		}
		WantPortuguese(t, strings.Join(args, " "), app.Sentence(err))
	}
}
