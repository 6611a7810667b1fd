package chain_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/chain"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func TestAnInvitationSurvivesItsCode(t *testing.T) {
	want := chain.Invitation{URL: "https://hub.rede.com.br:8443", Secret: "segredo", Pin: bytes.Repeat([]byte{7}, 32)}
	code, err := want.Code()
	if err != nil || strings.ContainsAny(code, " \n") {
		t.Fatal(code, err)
	}
	got, err := chain.ParseInvitation("  " + code + "\n")
	if err != nil || got.URL != want.URL || got.Secret != want.Secret || !bytes.Equal(got.Pin, want.Pin) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoInvitationIsRefusedInWords(t *testing.T) {
	short, _ := chain.Invitation{URL: "https://hub", Secret: "s", Pin: []byte{1}}.Code()
	plain, _ := chain.Invitation{URL: "http://hub", Secret: "s", Pin: bytes.Repeat([]byte{7}, 32)}.Code()
	nobody, _ := chain.Invitation{URL: "https://hub", Pin: bytes.Repeat([]byte{7}, 32)}.Code()
	whole, _ := chain.Invitation{URL: "https://hub", Secret: "s", Pin: bytes.Repeat([]byte{7}, 32)}.Code()
	for _, code := range []string{"", "x", "pdvhub1.", "pdvhub1.???", "pdvhub1.e30", short, plain, nobody, whole[:len(whole)-3]} {
		if _, err := chain.ParseInvitation(code); !errors.Is(err, chain.ErrCode) {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestAQueueThatASaleFillsAndEmptiesIsNoNews(t *testing.T) {
	before := chain.State{Run: "r", At: time.Now(), Queue: chain.Queue{Pending: 3}}
	for name, c := range map[string]struct {
		change func(*chain.State)
		urgent bool
	}{
		"later, with another queue": {func(s *chain.State) { s.At, s.Queue.Pending, s.Queue.Oldest = s.At.Add(time.Hour), 4, s.At }, false},
		"another run":               {func(s *chain.State) { s.Run = "other" }, true},
		"it stops":                  {func(s *chain.State) { s.Stopping = true }, true},
		"the cloud is there":        {func(s *chain.State) { s.Online = true }, true},
		"something is held":         {func(s *chain.State) { s.Queue.Held = 1 }, true},
		"something is dead":         {func(s *chain.State) { s.Queue.Dead = 1 }, true},
		"an alarm":                  {func(s *chain.State) { s.Alarms = []chain.Alarm{{Code: "dead_jobs"}} }, true},
	} {
		after := before
		c.change(&after)
		if after.Urgent(before) != c.urgent {
			t.Errorf("%s: urgent is %t", name, !c.urgent)
		}
	}
}

func TestAnAgentMayOnlyItsOwnSubjects(t *testing.T) {
	if chain.AgentOf(chain.StateSubject("a-1")) != "a-1" || chain.AgentOf("up") != "" {
		t.Error("the id is not found in its subject")
	}
	if !strings.HasPrefix(chain.StateSubject("a-1"), strings.TrimSuffix(chain.MayPublish("a-1"), ">")) {
		t.Error("an agent may not tell its state")
	}
}
