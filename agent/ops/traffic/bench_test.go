package traffic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/traffic"
)

// BenchmarkLine is what the journal costs of a live call, of a sale and of a batch of 2,000 products: x_valid is its time
// beside that of json.Valid for the same bodies.
func BenchmarkLine(b *testing.B) {
	item := `{"sku":"80215","ean":"7891000315507","product_name":"ARROZ BRANCO 5KG","quantity":3,"unit_value":10.00,"total_value":30.00,"discount_value":0.5}`
	items := strings.TrimSuffix(strings.Repeat(item+",", 20), ",")
	for name, x := range map[string]agent.Exchange{
		"start": {Request: []byte(`{"document_no":"52998224725"}`), Response: []byte(`{"transaction_id":"79a8bc0a-e8b8-41b2-ba86-91b9763f5d75","message":{"title":"OLA","text":"BEM-VINDO MARIA","buttons":[]}}`)},
		"sale":  {Request: []byte(`{"coupon":"001-20260514-191246-0123-012-000045871","client_id":"52998224725","date":"2026-05-14","time":"19:12:46","total_value":600.00,"items":[` + items + `]}`), Response: []byte(`{"statusCode":200}`)},
		"batch": {Request: products(2000), Response: []byte(`{"statusCode":200}`)},
	} {
		b.Run(name, func(b *testing.B) {
			j, err := traffic.New(traffic.Config{Dir: "unused", Bodies: true, Mark: func([]byte) string { return "" }, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(x.Request) + len(x.Response)))
			for b.Loop() {
				if _, err := j.Line(x); err != nil {
					b.Fatal(err)
				}
			}
			ours, start := b.Elapsed(), time.Now()
			for range b.N {
				_, _ = json.Valid(x.Request), json.Valid(x.Response)
			}
			b.ReportMetric(float64(ours)/float64(time.Since(start)), "x_valid")
		})
	}
}

// products is a batch of a load as it goes to the cloud.
func products(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `,{"sku":"%07d","ean":"789%010d","name":"PRODUTO DE TESTE NUMERO %d 500G","price":%d.%02d,"unit":"UN","department":"MERCEARIA","section":"SECA","active":true}`, i, i, i, i%90, i%100)
	}
	return append(append([]byte(`{"products":[`), b.Bytes()[1:]...), "]}"...)
}
