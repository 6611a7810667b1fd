package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
)

// recipe gives the block of docs/instalacao.md in a language that calls psexec.
func recipe(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(agenttest.Root(), "docs", "instalacao.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], "psexec") {
			return block[1]
		}
	}
	t.Fatalf("there is no recipe in %s", language)
	return ""
}

// wantFortyTills makes the configuration that each call of the setup program gives, with the answers of its file.
func wantFortyTills(t *testing.T, calls []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pdvagent-install.json")
	if err := os.WriteFile(file, []byte(`{"shop": "001", "token": "segredo"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var tills, primary []string
	for _, call := range calls {
		in := newInstallation()
		in.file = file
		words := strings.Fields(call)
		if len(words) < 5 || words[1] != "-s" || words[2] != `\\servidor\implantacao\setup.exe` || words[3] != "/S" {
			t.Fatalf("it calls %q", call)
		}
		for _, option := range words[4:] {
			name, value, _ := strings.Cut(strings.TrimPrefix(option, "/"), "=")
			if err := in.override(strings.ToLower(name), value); err != nil {
				t.Fatalf("%s: %v", call, err)
			}
		}
		text, err := in.text(newRoot(os.Stderr), t.TempDir())
		if err != nil {
			t.Fatalf("%s: %v", call, err)
		}
		cfg, _, err := config.Parse([]byte(text), t.TempDir(), os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		if words[0] != `\\CAIXA`+cfg.Shop.Till || cfg.Shop.ID != "001" {
			t.Errorf("%s becomes till %s of shop %s", call, cfg.Shop.Till, cfg.Shop.ID)
		}
		tills = append(tills, cfg.Shop.Till)
		if cfg.Shop.Primary {
			primary = append(primary, cfg.Shop.Till)
		}
	}
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("%03d", i+1))
	}
	if !slices.Equal(tills, want) || !slices.Equal(primary, want[:1]) {
		t.Errorf("tills %q, primary %q", tills, primary)
	}
}

// What cmd.exe does with the lines, by its rule for /L; .ci/wine.sh pastes them into the cmd.exe of wine.
func TestFortyTillsFromTheCommandPrompt(t *testing.T) {
	block := recipe(t, "bat")
	t.Run("by the rule", func(t *testing.T) {
		loop := regexp.MustCompile(`^for /L %n in \((\d+),1,(\d+)\) do (.*)$`)
		var calls []string
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			first, last, command := 1, 1, line
			if found := loop.FindStringSubmatch(line); found != nil {
				first, _ = strconv.Atoi(found[1])
				last, _ = strconv.Atoi(found[2])
				command = found[3]
			}
			for n := first; n <= last; n++ {
				call, ok := strings.CutPrefix(strings.ReplaceAll(command, "%n", strconv.Itoa(n)), "psexec ")
				if !ok {
					t.Fatalf("it calls %q", command)
				}
				calls = append(calls, call)
			}
		}
		wantFortyTills(t, calls)
	})
	t.Run("cmd.exe", func(t *testing.T) {
		const wine = "/usr/lib/wine/wine64"
		if os.Getenv("WINEPREFIX") == "" { // to make one takes long
			t.Skip("without WINEPREFIX: .ci/wine.sh has one")
		}
		wantFortyTills(t, pasted(t, exec.CommandContext(t.Context(), wine, "cmd"), block, "psexec.bat", "@echo %*>>calls.txt\r\n"))
	})
}

// PowerShell is not to be had on every machine: where there is none, the shape of the block is all that is seen.
func TestFortyTillsFromPowerShell(t *testing.T) {
	block := recipe(t, "powershell")
	t.Run("shape", func(t *testing.T) {
		for _, want := range []string{
			"1..40 | ForEach-Object {\n", "$caixa = $_.ToString('000')\n", `$respostas = @('/S', "/TILL=$caixa")`, "if ($_ -eq 1) { $respostas += '/PRIMARY=sim' }\n",
			`psexec "\\CAIXA$caixa" -s '\\servidor\implantacao\setup.exe' @respostas`, "\n}\n",
		} {
			if strings.Count(block, want) != 1 {
				t.Errorf("it has no %q", want)
			}
		}
		if strings.Contains(block, "`") || strings.Count(block, "{") != strings.Count(block, "}") || strings.Count(block, "\n") != 6 {
			t.Errorf("it is %s", block)
		}
	})
	t.Run("pwsh", func(t *testing.T) {
		program, err := exec.LookPath("pwsh")
		if err != nil {
			t.Skip("this machine has no PowerShell")
		}
		wantFortyTills(t, pasted(t, exec.CommandContext(t.Context(), program, "-NoProfile", "-Command", "-"), block, "psexec", "#!/bin/sh\nprintf '%s\\n' \"$*\" >>calls.txt\n"))
	})
}

// pasted gives a block to a shell in a folder with a psexec that notes how it is called, and gives the calls.
func pasted(t *testing.T, shell *exec.Cmd, block, psexec, script string) []string {
	t.Helper()
	shell.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(shell.Dir, psexec), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	shell.Env = append(os.Environ(), "PATH="+shell.Dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	paste := filepath.Join(shell.Dir, "paste.txt") // a file: what the shell starts must not take the next line from a pipe
	if err := os.WriteFile(paste, []byte(block+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := os.Open(paste)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close() }() // it was only read
	shell.Stdin = input
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(shell.Dir, "calls.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(calls), "\r", "")), "\n")
}
