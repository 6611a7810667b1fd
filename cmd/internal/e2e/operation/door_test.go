package operation

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

// hold opens a connection, says this and keeps it; the text's HOST and N are the agent's and the connection's number.
func hold(s *e2e.Site, n int, text string) net.Conn {
	s.Helper()
	host := strings.TrimPrefix(s.Base, "http://")
	var dialer net.Dialer
	conn, err := dialer.DialContext(s.Context(), "tcp", host)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close() })
	sale := rig.SaleBody(fmt.Sprint("H-", n), "")
	text = strings.NewReplacer("HOST", host, "SALE", fmt.Sprintf("Content-Length: %d\n\n%s", len(sale), sale)).Replace(text)
	head, body, _ := strings.Cut(text, "\n\n")
	_, _ = io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body) // who is cut off cannot be told
	return conn
}

// passes makes the calls that nobody may keep out, each by a connection of its own.
func passes(s *e2e.Site, name string) {
	s.Helper()
	host := strings.TrimPrefix(s.Base, "http://")
	sale := rig.SaleBody(name, "")
	for what, head := range map[string]string{
		"health": "GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n",
		"status": "GET /v1/status HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\nAuthorization: Bearer " + e2e.SupportToken + "\r\n\r\n",
		"sale": fmt.Sprintf("POST /v2/coupons HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			host, e2e.TillToken, len(sale), sale),
	} {
		if response, body := wire(s, head); response.StatusCode >= 300 {
			s.Errorf("%s, %s: got %d %s", name, what, response.StatusCode, body)
		}
	}
}

// SEC-08: one token holds as many calls as there are connections, in every way a call can last, and keeps nobody out.
func TestNoTokenHoldsTheDoor(t *testing.T) {
	const auth = " HTTP/1.1\nHost: HOST\nAuthorization: Bearer " + e2e.TillToken + "\n"
	for name, text := range map[string]string{
		"streams":       "GET /v1/events" + auth + "\n\n",
		"waiting sales": "POST /v2/coupons" + auth + "Content-Type: application/json\nPrefer: wait=30\nSALE",
		"slow sales":    "POST /v2/coupons" + auth + "Content-Type: application/json\nContent-Length: 900\n\n{",
		"slow loads":    "POST /v2/products" + auth + "Content-Type: application/json\nContent-Length: 900\n\n[",
		"slow starts":   "POST /v2/transaction/start" + auth + "Content-Type: application/json\nContent-Length: 900\n\n{",
		"late bodies":   "GET /v1/payments" + auth + "Content-Length: 900\n\n{",
	} {
		t.Run(name, func(t *testing.T) {
			s := e2e.NewSiteWithPayments(t).Start()
			s.Clouds.Leave()
			for i := range 300 {
				hold(s, i, text)
				if i%60 == 59 {
					passes(s, fmt.Sprintf("%s after %d", strings.ReplaceAll(name, " ", "-"), i))
				}
			}
		})
	}
}
