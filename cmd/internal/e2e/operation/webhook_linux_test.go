package operation

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

var webhookConnections = flag.Int("webhook-connections", 300, "connections to the webhook's listener; on demand 15,000, with ulimit -n above them")

// Whoever reaches the webhook's listener from the network opens connections that say nothing, half a header or half a body:
// the agent's memory stays what it was, tills' calls pass, and so does a notice.
func TestConnectionsToTheWebhookTakeNothingFromTills(t *testing.T) {
	hook, err := rig.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const secret = "abcdefghijklmnopqrstuv"
	s := e2e.NewSiteWithPayments(t)
	s.EditConfig("sevenaz: {base_url", "webhook: {listen: '"+hook+"', path_secret: "+secret+"}, sevenaz: {base_url")
	e2e.RunAsProgram(t)
	process := s.StartProcess()
	passes(s, "before")
	before, files := resident(t, process.PID()), descriptors(t, process.PID())
	begun, slowest, refused := time.Now(), time.Duration(0), 0
	for i := range *webhookConnections {
		head := []string{"", "POST /guessed HTTP/1.1\r\nHost: x\r\n", "POST /guessed HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("x", 30000)}[i%3]
		if !open(t, hook, head) {
			refused++
		}
		if i%(*webhookConnections/10) == 0 {
			called := time.Now()
			passes(s, fmt.Sprint("among-", i))
			slowest = max(slowest, time.Since(called))
		}
	}
	after := resident(t, process.PID())
	t.Logf("%d connections in %v, %d of them refused; resident before %d KiB, after %d KiB; the slowest three calls of a till took %v",
		*webhookConnections, time.Since(begun).Round(time.Millisecond), refused, before, after, slowest)
	if after-before > 48<<10 {
		t.Errorf("resident were %d KiB, and are %d KiB", before, after)
	}
	if more := descriptors(t, process.PID()) - files; more > 150 { // 64 that wait, and as many whose request is handled
		t.Errorf("it has %d files more open", more)
	}
	notice(t, hook, secret)
	s.WaitDrained()
}

// open opens a connection that stays, and sends the beginning of a request; false where the network gives none.
func open(t *testing.T, address, head string) bool {
	t.Helper()
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EMFILE) {
		t.Fatalf("this machine gives no more connections: %v", err)
	}
	if err != nil {
		return false
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, head) // who is cut off cannot be told
	return true
}

// notice sends a notice, which comes in beside those that wait.
func notice(t *testing.T, address, secret string) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // its answer is read
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "POST /"+secret+" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
	answer, readErr := io.ReadAll(conn)
	if err := errors.Join(err, readErr); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("a notice got %q, %v", answer, err)
	}
}

// resident is a process's memory, in KiB.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmRSS:")
	var size int
	if _, err := fmt.Sscan(line, &size); err != nil {
		t.Fatal(err)
	}
	return size
}

// descriptors is how many files and connections a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
