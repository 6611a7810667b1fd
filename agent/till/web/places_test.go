package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/till/web"
)

// get asks on a connection that stays open.
func get(t *testing.T, port int, path, token string) net.Conn {
	t.Helper()
	conn := dial(t, port)
	say(t, conn, fmt.Sprintf("GET %s HTTP/1.1\nHost: 127.0.0.1:%d\nAuthorization: Bearer %s\n\n", path, port, token))
	return conn
}

// status reads the head of an answer.
func status(t *testing.T, conn net.Conn) int {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// The oldest stream ends for a new one of its token; streams of other tokens, and the newer ones, go on.
func TestTheOldestStreamGoesFirst(t *testing.T) {
	more := make(chan struct{})
	port := door(t, web.Route{Method: "GET", Path: "/stream", Scope: web.Till, Handler: func(w http.ResponseWriter, r *http.Request) {
		if err := web.MayStream(r); err != nil {
			web.Problem(w, r, err, nil, "")
			return
		}
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-more:
			_, _ = io.WriteString(w, "more")
		case <-r.Context().Done():
		}
	}})
	stream := func(token string) net.Conn {
		conn := get(t, port, "/stream", token)
		if got := status(t, conn); got != http.StatusOK {
			t.Fatal(got)
		}
		return conn
	}
	support, first := stream(supportToken), stream(tillToken)
	var newer []net.Conn
	for range 8 {
		newer = append(newer, stream(tillToken))
	}
	if _, err := first.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Error("the oldest stream goes on: ", err)
	}
	close(more)
	for i, conn := range append(newer, support) {
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Errorf("stream %d: %v", i, err)
		}
	}
}

// A token's calls that last have a share: one more is refused at once and says when to come again, while another token's pass, and
// a sale, and health. A place is free again when its call ends.
func TestCallsThatLastHaveAShare(t *testing.T) {
	entered, end := make(chan struct{}), make(chan struct{})
	stay := func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-end
		web.JSON(w, http.StatusOK, web.MayWait(r))
	}
	port := door(t, web.Route{Method: "GET", Path: "/stay", Scope: web.Till, Handler: stay},
		web.Route{Method: "POST", Path: "/sale", Scope: web.Till, Place: web.Sale, Handler: func(w http.ResponseWriter, _ *http.Request) { web.JSON(w, 202, "") }})
	var held []net.Conn
	for range 64 {
		held = append(held, get(t, port, "/stay", tillToken))
		<-entered
	}
	refused := "GET /stay HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\nAuthorization: Bearer " + tillToken + "\n\n"
	response, body := raw(t, port, refused)
	if response.StatusCode != 503 || response.Header.Get("Retry-After") != "1" || !strings.Contains(body, `"code":"busy"`) || !strings.Contains(body, `"retry":"same-key"`) {
		t.Errorf("got %v %s", response, body)
	}
	held = append(held, get(t, port, "/stay", supportToken))
	<-entered
	for path, want := range map[string]int{"POST /sale": 202, "GET /health": 200} {
		if response, body := raw(t, port, path+" HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\nAuthorization: Bearer "+tillToken+"\n\n"); response.StatusCode != want {
			t.Errorf("%s: got %d %s", path, response.StatusCode, body)
		}
	}
	close(end)
	for _, conn := range held {
		if got := status(t, conn); got != 200 {
			t.Error(got)
		}
	}
	last := get(t, port, "/stay", tillToken)
	<-entered
	if got := status(t, last); got != 200 {
		t.Error(got)
	}
}
