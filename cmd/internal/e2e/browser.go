package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
)

// Browser is a real Chromium without a window, driven through its own pipe (the DevTools protocol): no port is opened.
type Browser struct {
	t       *testing.T
	to      io.WriteCloser
	mu      sync.Mutex
	last    int
	waiting map[int]chan message
}

// message is a call of the protocol, its answer or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// NewBrowser starts Chromium until the test ends. The test is skipped where there is none.
func NewBrowser(t *testing.T) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		agenttest.Missing(t, "chromium")
	}
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--lang=pt-BR", "--remote-debugging-pipe", "--user-data-dir="+Profile(t))
	command.ExtraFiles = []*os.File{theirs, theirEnd}
	if err := command.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	_, _ = theirs.Close(), theirEnd.Close() // Chromium has its own copies
	b := &Browser{t: t, to: to, waiting: make(map[int]chan message)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.read(from)
	}()
	t.Cleanup(func() {
		cancel()
		_ = command.Wait() // it was killed
		_, _ = to.Close(), from.Close()
		<-done
	})
	return b
}

// read hands each answer to who waits for it, until the pipe ends.
func (b *Browser) read(from io.Reader) {
	reader := bufio.NewReader(from)
	for {
		line, err := reader.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line[:len(line)-1], &m) != nil || m.ID == 0 {
			continue
		}
		b.mu.Lock()
		answer := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

// call makes a call of the protocol.
func (b *Browser) call(session, method string, params any) (json.RawMessage, error) {
	b.mu.Lock()
	b.last++
	id, answer := b.last, make(chan message, 1)
	b.waiting[id] = answer
	line, err := json.Marshal(message{ID: id, Session: session, Method: method, Params: params})
	if err == nil {
		_, err = b.to.Write(append(line, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(30 * time.Second):
		return nil, errors.New(method + ": no answer")
	}
}

// must is call for what cannot fail; into may be nil.
func (b *Browser) must(session, method string, params, into any) {
	b.t.Helper()
	answer, err := b.call(session, method, params)
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Tab is a page with a sessionStorage of its own.
type Tab struct {
	*Browser
	session string
}

// Open opens a page in the size of a till's screen.
func (b *Browser) Open(address string) *Tab {
	b.t.Helper()
	var target struct{ TargetID string }
	b.must("", "Target.createTarget", map[string]any{"url": "about:blank", "newWindow": true, "width": 1024, "height": 600}, &target)
	var attached struct{ SessionID string }
	b.must("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	tab := &Tab{b, attached.SessionID}
	tab.Go(address)
	return tab
}

// Go loads an address.
func (p *Tab) Go(address string) {
	p.t.Helper()
	p.must(p.session, "Page.navigate", map[string]any{"url": address}, nil)
}

// Dark shows the page as to a person who has chosen dark colours, or light ones.
func (p *Tab) Dark(dark bool) {
	p.t.Helper()
	value := map[bool]string{true: "dark", false: "light"}[dark]
	p.must(p.session, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": value}}}, nil)
}

// Run evaluates a script in the page, outside its policy, and gives the value; a promise is waited for.
func (p *Tab) Run(script string) (value any, err error) {
	answer, err := p.call(p.session, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true})
	if err != nil {
		return nil, err
	}
	var got struct {
		Result    struct{ Value any }
		Exception *struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, err
	}
	if got.Exception != nil {
		return nil, errors.New(got.Exception.Text + " " + got.Exception.Exception.Description)
	}
	return got.Result.Value, nil
}

// Until waits until a condition in JavaScript holds, for at most 20 seconds; what names it.
func (p *Tab) Until(what, condition string) {
	p.t.Helper()
	var last any
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		value, err := p.Run(condition)
		if value == true {
			return
		}
		if last = value; err != nil { // while the page is loaded there may be none
			last = err
		}
	}
	text, _ := p.Run("document.body.innerText")
	p.t.Fatalf("waited in vain: %s (%v)\nthe page says: %v", what, last, text)
}

// keys are the codes of the keys that [Tab.Press] knows.
var keys = map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}

// Press presses a key and lets it go.
func (p *Tab) Press(key string) {
	p.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": keys[key]}
	if text := map[string]string{"Enter": "\r", " ": " "}[key]; text != "" {
		down["text"] = text
	}
	p.must(p.session, "Input.dispatchKeyEvent", down, nil)
	p.must(p.session, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": keys[key]}, nil)
}

// TabTo presses the tabulator until the element that a selector names has the focus.
func (p *Tab) TabTo(selector string) {
	p.t.Helper()
	for range 150 {
		if focused, err := p.Run(fmt.Sprintf("document.activeElement?.matches(%q) === true", selector)); err == nil && focused == true {
			return
		}
		p.Press("Tab")
	}
	p.t.Fatalf("the tabulator does not reach %s", selector)
}

// Type types a text in place of what the focused input has.
func (p *Tab) Type(text string) {
	p.t.Helper()
	p.must(p.session, "Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "a", "modifiers": 2, "commands": []string{"selectAll"}}, nil)
	p.must(p.session, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": "a", "modifiers": 2}, nil)
	p.must(p.session, "Input.insertText", map[string]any{"text": text}, nil)
}

// Choose gives a file to an input, as a person does who chooses it.
func (p *Tab) Choose(selector, path string) {
	p.t.Helper()
	p.Until("the input "+selector, fmt.Sprintf("document.querySelector(%q) !== null", selector))
	var document struct{ Root struct{ NodeID int } }
	p.must(p.session, "DOM.getDocument", map[string]any{}, &document)
	var found struct{ NodeID int }
	p.must(p.session, "DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": selector}, &found)
	p.must(p.session, "DOM.setFileInputFiles", map[string]any{"nodeId": found.NodeID, "files": []string{path}}, nil)
}

// Profile is a browser's folder. Its helpers go on writing for a moment after the browser was killed.
func Profile(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "browser-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(folder)
		for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); err = os.RemoveAll(folder) {
			<-time.After(50 * time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return folder
}
