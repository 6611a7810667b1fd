package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pdvagent/agent/mask"
	"pdvagent/store/storetest"
)

// dyingIn is set in the process that dies.
const dyingIn = "PDVAGENT_TEST_DYING_IN"

// dyingOf is the message of the panic in that process; empty: of a nil pointer.
const dyingOf = "PDVAGENT_TEST_DYING_OF"

func reporter(folder string) CrashReporter {
	return CrashReporter{Folder: filepath.Join(folder, "crash"), Log: filepath.Join(folder, "pdvagent.log"), Mask: mask.Text}
}

// TestDying is the process that dies.
func TestDying(t *testing.T) {
	folder := os.Getenv(dyingIn)
	if folder == "" {
		return // only its parent below wants it to
	}
	if _, _, err := reporter(folder).Watch(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if message := os.Getenv(dyingOf); message != "" {
			panic(message)
		}
		var nobody *CrashReporter
		nobody.Folder = "x" // a panic that nobody catches
	}()
	<-done
}

// die lets a process of its own die of a panic in a goroutine.
func die(t *testing.T, folder string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDying$")
	command.Env = append(os.Environ(), dyingIn+"="+folder)
	if out, err := command.CombinedOutput(); err == nil {
		t.Fatalf("it lives: %s", out)
	}
}

func TestLastWordsOfAPanicAreKeptWithTheEndOfTheLog(t *testing.T) {
	folder := storetest.Dir(t)
	log := strings.Repeat("line\n", 20000) + "the last line\n"
	if err := os.WriteFile(filepath.Join(folder, "pdvagent.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	die(t, folder)
	crashed, done, err := reporter(folder).Watch()
	if err != nil || crashed == "" {
		t.Fatalf("got %q, %v", crashed, err)
	}
	defer done()
	text := read(t, crashed)
	for _, want := range []string{"panic: runtime error: invalid memory address or nil pointer dereference", "crash_test.go", "--- fim do log ---\n", "the last line"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%.600s", want, text)
		}
	}
	if len(text) > maxLogTail+maxOutput {
		t.Errorf("it has %d bytes", len(text))
	}
	if at, ok := CrashedAt(crashed); !ok || at.IsZero() {
		t.Errorf("%s has no time", crashed)
	}
}

func TestARunThatEndedWellLeavesNoCrashAndASecondAgentTakesNothing(t *testing.T) {
	folder := storetest.Dir(t)
	crashed, done, err := reporter(folder).Watch()
	if err != nil || crashed != "" {
		t.Fatalf("got %q, %v", crashed, err)
	}
	if crashed, second, err := reporter(folder).Watch(); err != nil || crashed != "" {
		t.Errorf("a second agent: %q, %v", crashed, err)
	} else {
		second()
	}
	done()
	crashed, done, err = reporter(folder).Watch()
	if err != nil || crashed != "" {
		t.Errorf("got %q, %v", crashed, err)
	}
	done()
}

func TestAPanicsMessageNamesNobodyAndOldCrashesGo(t *testing.T) {
	folder := storetest.Dir(t)
	c := reporter(folder)
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range maxReports + 3 {
		if err := os.WriteFile(filepath.Join(c.Folder, "2026010"+strconv.Itoa(n)+"T000000.000Z.txt"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	words := "panic: cliente Maria Silva, CPF 529.982.247-25\n\ngoroutine 7 [running]:\nmain.sell()\n"
	if err := os.WriteFile(filepath.Join(c.Folder, outputName), []byte(words), 0o600); err != nil {
		t.Fatal(err)
	}
	crashed, done, err := c.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	text := read(t, crashed)
	if strings.Contains(text, "Maria") || strings.Contains(text, "247") || !strings.Contains(text, "goroutine 7 [running]:\nmain.sell()") {
		t.Errorf("got %q", text)
	}
	if left := c.Reports(); len(left) != maxReports {
		t.Errorf("%d are kept", len(left))
	}
}
