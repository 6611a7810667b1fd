// Package chain has the words that an agent and its chain's hub speak (docs/spec/hub.md): the code that invites an agent, how
// it joins, the subjects of each agent, and the state that it tells. It is the contract of both sides.
//
// It opens no connection and keeps nothing. Package uplink is the agent's side, cmd/pdvhub the hub's.
package chain

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// StateSubject is where an agent publishes its state.
func StateSubject(id string) string { return "up." + id + ".state" }

// AllStates is the subscription to the states of all agents.
const AllStates = "up.*.state"

// MayPublish is what an agent is allowed to publish on: its own subjects.
func MayPublish(id string) string { return "up." + id + ".>" }

// MaySubscribe is what an agent is allowed to listen to: what goes down to it alone.
func MaySubscribe(id string) string { return "down." + id + ".>" }

// AgentOf is the id in a subject of an agent; empty where there is none.
func AgentOf(subject string) string {
	parts := strings.Split(subject, ".")
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// StateEvery is how often an agent tells its state when nothing changes. One that is silent for [Silent] is not there.
const (
	StateEvery = 30 * time.Second
	Silent     = 3 * StateEvery
)

// MaxState bounds a state on the wire, in bytes.
const MaxState = 16 << 10

// State is how an agent is. It has no personal data: no value, no coupon, no text of a till or a cloud.
type State struct {
	Agent    string    `json:"agent"`
	Run      string    `json:"run"` // of this process, random: two that take turns are copies of one installation
	At       time.Time `json:"at"`  // by the agent's clock
	Version  string    `json:"version"`
	Shop     string    `json:"shop"`
	Till     string    `json:"till"`
	Primary  bool      `json:"primary,omitempty"`
	Stopping bool      `json:"stopping,omitempty"` // the last state of a run that ends in order

	Online bool    `json:"online"` // the loyalty cloud answers
	Queue  Queue   `json:"queue"`
	Alarms []Alarm `json:"alarms,omitempty"`
}

// Queue is what an agent has still to deliver.
type Queue struct {
	Pending uint64    `json:"pending"`
	Held    uint64    `json:"held"`
	Dead    uint64    `json:"dead"`
	Oldest  time.Time `json:"oldest,omitzero"` // of pending
}

// Alarm is a trouble that needs a person, without its words.
type Alarm struct {
	Code  string    `json:"code"`
	Since time.Time `json:"since"`
}

// Urgent tells whether the hub should hear of a state at once after another one: a queue that a till fills and empties with
// each sale waits for the next round.
func (s State) Urgent(before State) bool {
	return s.Run != before.Run || s.Stopping != before.Stopping || s.Online != before.Online ||
		s.Queue.Held != before.Queue.Held || s.Queue.Dead != before.Queue.Dead || !slices.Equal(s.Alarms, before.Alarms)
}

// Invitation lets one agent join, once.
type Invitation struct {
	URL    string `json:"u"` // https://host:port of the hub
	Secret string `json:"s"`
	Pin    []byte `json:"p"` // SHA-256 of the hub's certificate authority (DER)
}

const codeHead = "pdvhub1."

// ErrCode is a text that is no invitation.
var ErrCode = errors.New("não é um convite do hub: copie o código inteiro que pdvhub invite mostrou")

// Code is the invitation as people hand it on: one line without spaces.
func (i Invitation) Code() (string, error) {
	raw, err := json.Marshal(i)
	return codeHead + base64.RawURLEncoding.EncodeToString(raw), err
}

// ParseInvitation reads a code; its refusal is [ErrCode].
func ParseInvitation(code string) (i Invitation, err error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(code), codeHead)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || json.Unmarshal(raw, &i) != nil {
		return Invitation{}, ErrCode
	}
	at, err := url.Parse(i.URL)
	if err != nil || at.Scheme != "https" || at.Host == "" || i.Secret == "" || len(i.Pin) != 32 {
		return Invitation{}, ErrCode
	}
	return i, nil
}

// JoinPath is where an agent joins, by POST of a [JoinRequest].
const JoinPath = "/join"

// JoinRequest asks to join by an invitation.
type JoinRequest struct {
	Secret  string `json:"secret"`
	Key     string `json:"key"` // the public half of the agent's nkey
	Agent   string `json:"agent"`
	Shop    string `json:"shop"`
	Till    string `json:"till"`
	Version string `json:"version"`
}

// JoinAnswer is what a member needs to connect.
type JoinAnswer struct {
	JWT     string   `json:"jwt"`     // says what the agent may, signed by the chain
	CA      string   `json:"ca"`      // PEM of the hub's certificate authority; its SHA-256 is the invitation's Pin
	Servers []string `json:"servers"` // tls://host:port
}

// Refusal is the body of an answer that is no 200.
type Refusal struct {
	Detail string `json:"detail"` // Portuguese
}
