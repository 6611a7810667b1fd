package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent/till/web"
)

// stream is an answer without an end, of a caller with a token; begun and ended are closed when it is.
type lasting struct{ begun, ended chan struct{} }

// streaming is a chain whose only route answers until its grant is over, and tells each stream of it.
func streaming(t *testing.T, access *web.Access) (open func(token string) lasting) {
	t.Helper()
	begun := make(chan struct{})
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: access, Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "1" },
		Routes: []web.Route{{Method: "GET", Path: "/stream", Scope: web.Support, Handler: func(w http.ResponseWriter, r *http.Request) {
			ctx, stop := web.Lasting(w, r)
			defer stop()
			close(begun)
			<-ctx.Done()
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(token string) lasting {
		begun = make(chan struct{})
		s := lasting{begun, make(chan struct{})}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8780/stream", http.NoBody)
		request.RemoteAddr = "127.0.0.1:1000"
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set(web.HeaderBackground, "1")
		go func() {
			handler.ServeHTTP(httptest.NewRecorder(), request)
			close(s.ended)
		}()
		<-s.begun
		return s
	}
}

func (s lasting) over() bool {
	synctest.Wait()
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

var (
	ofSupport = web.Token{Name: "suporte", Scope: web.Support, Secret: supportToken}
	ofOther   = web.Token{Name: "outro", Scope: web.Support, Secret: "other-token-other-token-other"}
)

// An open stream ends with its session, and with the token that opened the session, at once; others go on.
func TestStreamEndsWithItsSession(t *testing.T) {
	for name, end := range map[string]func(access *web.Access, id string){
		"the session is ended": func(a *web.Access, id string) { a.EndSession(id) },
		"its token is removed": func(a *web.Access, _ string) { a.Allow([]web.Token{ofOther}, nil) },
		"its token has another secret": func(a *web.Access, _ string) {
			a.Allow([]web.Token{{Name: "suporte", Scope: web.Support, Secret: strings.Repeat("n", 30)}, ofOther}, nil)
		},
		"nobody uses it for half an hour": func(a *web.Access, _ string) {
			<-time.After(web.SessionIdle - time.Second)
			if synctest.Wait(); len(a.Sessions(time.Now())) != 1 {
				t.Error("it ended too early")
			}
			<-time.After(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				access := web.NewAccess([]web.Token{ofSupport, ofOther}, nil)
				session, token, err := access.OpenByToken(ofSupport.Secret, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				open := streaming(t, access)
				mine, others := open(token), open(ofOther.Secret)
				if mine.over() || others.over() {
					t.Fatal("a stream ended by itself")
				}
				end(access, session.ID)
				if !mine.over() {
					t.Error("it lives on")
				}
				if others.over() {
					t.Error("another's stream ended, too")
				}
			})
		})
	}
}

// A person's use lengthens a session and its streams, up to eight hours.
func TestStreamEndsAfterEightHoursHoweverTheSessionIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		access := web.NewAccess([]web.Token{ofSupport}, nil)
		_, token, err := access.OpenByToken(ofSupport.Secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		open := streaming(t, access)
		s, begun := open(token), time.Now()
		for time.Since(begun) < web.SessionMost-web.SessionIdle/2 {
			<-time.After(web.SessionIdle / 2)
			if s.over() {
				t.Fatalf("it ended after %v", time.Since(begun))
			}
			use(t, access, token)
		}
		<-time.After(web.SessionIdle / 2)
		if !s.over() {
			t.Errorf("it lives on after %v", time.Since(begun))
		}
	})
}

// use makes a call as a person does, and lets it end.
func use(t *testing.T, access *web.Access, token string) {
	t.Helper()
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: access, Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "1" },
		Routes: []web.Route{{Method: "GET", Path: "/use", Scope: web.Support, Handler: func(http.ResponseWriter, *http.Request) {}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8780/use", http.NoBody)
	request.RemoteAddr = "127.0.0.1:1000"
	request.Header.Set("Authorization", "Bearer "+token)
	handler.ServeHTTP(httptest.NewRecorder(), request)
}

// A stream of a configured token ends when the token is taken out.
func TestStreamEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		access := web.NewAccess([]web.Token{ofSupport, ofOther}, nil)
		open := streaming(t, access)
		s, others := open(ofSupport.Secret), open(ofOther.Secret)
		access.Allow([]web.Token{ofOther}, nil)
		if !s.over() || others.over() {
			t.Errorf("removed: ended %v; kept: ended %v", s.over(), others.over())
		}
		access.Allow(nil, nil)
		if !others.over() {
			t.Error("it lives on")
		}
	})
}
