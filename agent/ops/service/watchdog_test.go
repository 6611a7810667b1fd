package service

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
)

func TestASilentAgentIsEndedAfterSoManyTicks(t *testing.T) {
	ticks, result := make(chan time.Time), make(chan error, 1)
	ended := errors.New("ended")
	go func() { result <- watch(make(chan struct{}), ticks, 60, func() error { return ended }) }()
	for range 60 { // a machine that sleeps gives none, however late it is when it wakes
		ticks <- time.Time{}
	}
	if err := <-result; !errors.Is(err, ended) {
		t.Errorf("got %v", err)
	}
}

func TestASignOfLifeBeginsTheCountAgain(t *testing.T) {
	signs, ticks, result := make(chan struct{}), make(chan time.Time), make(chan error, 1)
	go func() { result <- watch(signs, ticks, 3, func() error { return errors.New("it was ended") }) }()
	for range 20 {
		ticks <- time.Time{}
		ticks <- time.Time{}
		signs <- struct{}{}
	}
	close(signs) // the agent has ended by itself
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// hangingAs says what a process of the next test is: the agent that hangs, or its companion.
const hangingAs = "PDVAGENT_TEST_HANGING_AS"

// TestHanging is the agent that hangs after three signs of life, and its companion.
func TestHanging(t *testing.T) {
	switch os.Getenv(hangingAs) {
	case "agent":
		c := companion{command: func() *exec.Cmd { return hanging(t, "companion") }}
		for range 3 {
			if err := c.sign(); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = os.Stdout.WriteString("hangs\n")
		agenttest.Takes(t.Context(), 10*time.Minute)
	case "companion":
		if err := watchParent(os.Stdin, 20*time.Millisecond, 100); err != nil {
			t.Fatal(err)
		}
	case "patient companion":
		if err := Watchdog(); err != nil {
			t.Fatal(err)
		}
	}
}

func hanging(t *testing.T, as string) *exec.Cmd {
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHanging$")
	command.Env = append(os.Environ(), hangingAs+"="+as)
	return command
}

func TestTheCompanionEndsAProcessThatHangs(t *testing.T) {
	agent := hanging(t, "agent")
	var said strings.Builder
	agent.Stdout = &said
	if err := agent.Run(); err == nil || !strings.Contains(said.String(), "hangs") {
		t.Errorf("it said %q and ended with %v", said.String(), err)
	}
}

func TestTheCompanionEndsWithTheAgentsSide(t *testing.T) {
	c := companion{command: func() *exec.Cmd { return hanging(t, "patient companion") }, patience: time.Minute}
	if err := c.sign(); err != nil {
		t.Fatal(err)
	}
	if err := c.stop(); err != nil {
		t.Errorf("got %v", err)
	}
	if c.running != nil {
		t.Error("it still runs")
	}
}
