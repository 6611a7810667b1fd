package contingency

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// TestEveryTroubleOfARealNetworkLetsEverySaleArriveOnce puts a proxy between agent and cloud that resets, slices, delays,
// loses and limits to 8 kbit/s, in both directions, on real connections.
func TestEveryTroubleOfARealNetworkLetsEverySaleArriveOnce(t *testing.T) {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	for name, toxics := range map[string][]string{
		"reset at once":          {toxic("reset_peer", `"timeout":0`)},
		"reset after a while":    {toxic("reset_peer", `"timeout":40`)},
		"sliced":                 {toxic("slicer", `"average_size":32,"size_variation":16,"delay":2000`)},
		"delayed":                {toxic("latency", `"latency":300,"jitter":250`)},
		"8 kbit/s":               {toxic("bandwidth", `"rate":1`)},
		"cut after 100 bytes":    {toxic("limit_data", `"bytes":100`)},
		"cut after 700 bytes":    {toxic("limit_data", `"bytes":700`)},
		"nothing comes through":  {toxic("timeout", `"timeout":0`)},
		"silent, then closed":    {toxic("timeout", `"timeout":200`)},
		"slow, sliced and reset": {toxic("latency", `"latency":50`), toxic("slicer", `"average_size":64,"size_variation":32,"delay":500`), toxic("reset_peer", `"timeout":300`)},
	} {
		for _, stream := range []string{"upstream", "downstream"} {
			t.Run(name+" "+stream, func(t *testing.T) {
				t.Parallel()
				throughToxics(t, stream, toxics)
			})
		}
	}
}

func toxic(kind, attributes string) string {
	return fmt.Sprintf(`{"type":%q,"attributes":{%s}`, kind, attributes)
}

func throughToxics(t *testing.T, stream string, toxics []string) {
	t.Helper()
	s := e2e.NewSite(t, "live_deadline: 2500ms", "live_deadline: 500ms")
	proxy := proxied(t, s)
	for i, text := range toxics {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`%s,"name":"t%d","stream":%q}`, text, i, stream))); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	var want []string
	for n := range 6 {
		id := fmt.Sprint("N-", n)
		started := inTime(s, "start", func() e2e.Answer { return s.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria)) })
		session := started.Text("transaction_id")
		if started.Status != http.StatusOK || session == "" {
			t.Fatalf("start: %d %s", started.Status, started.Body)
		}
		inTime(s, "confirm", func() e2e.Answer { return s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", session)) })
		got := inTime(s, "coupon", func() e2e.Answer { return s.Post("/v2/coupons", agenttest.Receipt(id, session)) })
		if got.Status != http.StatusAccepted {
			t.Fatalf("coupon: %d %s", got.Status, got.Body)
		}
		want = append(want, id)
	}
	<-time.After(2 * time.Second)
	proxy.Stop() // a toxic that swallows everything is not to be removed from a connection: the line is a new one
	sound := proxyTo(t, proxy.Upstream, proxy.Listen)
	if err := sound.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sound.Stop)
	s.WaitDrained()
	s.WantSoldOnce(want...)
}

// proxied puts a proxy between the site's agent and its cloud.
func proxied(t *testing.T, s *e2e.Site) *toxiproxy.Proxy {
	t.Helper()
	cloud := strings.Split(strings.TrimPrefix(s.Clouds.BaseURL(), "http://"), "/")[0]
	proxy := proxyTo(t, cloud, "127.0.0.1:0")
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Config, []byte(strings.ReplaceAll(string(text), cloud, proxy.Listen)), 0o600); err != nil {
		t.Fatal(err)
	}
	return proxy
}

func proxyTo(t *testing.T, cloud, listen string) *toxiproxy.Proxy {
	t.Helper()
	return toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()), "cloud", listen, cloud)
}
