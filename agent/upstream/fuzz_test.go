package upstream

import (
	"testing"
	"time"
)

// FuzzRetryAfter: any Retry-After is a time between 0 and a day.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"120", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999", "soon", " 5 ", "1e3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if wait := retryAfter(text, time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)); wait < 0 || wait > 24*time.Hour {
			t.Fatalf("%q: %v", text, wait)
		}
	})
}

// FuzzURL: an accepted address is https or loopback, and holds no credentials.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{"https://example.com/api/", "http://127.0.0.1:8790/x", "http://[::1]/", "http://127.0.0.1.example.com/", "https://u:p@example.com", "https://example.com/?a=1#b", "HTTPS://EXAMPLE.COM"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := CheckURL(text)
		if err != nil {
			return
		}
		if safe := u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())); !safe || u.Host == "" || u.User != nil || u.RawQuery != "" {
			t.Fatalf("took %q", text)
		}
	})
}
