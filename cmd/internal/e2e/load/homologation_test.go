package load

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/mercafacil/mercafacilsim"
)

// primaryOf makes a site's till the primary one, whose load has a folder as its source.
func primaryOf(s *e2e.Site, load, folder string) *e2e.Site {
	s.Helper()
	s.EditConfig("primary: false", "primary: true ")
	s.EditConfig("  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}", fmt.Sprintf("  %s: {every: 6h, source: {type: folder, path: '%s', rest: 1s}}", load, folder)) // ten seconds by default
	return s
}

// loaded says what the cloud has of a load, and how often each record came.
func loaded(s *e2e.Site, load string) string {
	var list []string
	for _, record := range s.Clouds.Mercafacil.Loaded(load) {
		list = append(list, fmt.Sprintf("%s x%d", record.Key, record.Times))
	}
	return strings.Join(list, ", ")
}

func wantLoaded(s *e2e.Site, load, want string) {
	s.Helper()
	s.WaitDrained()
	if got := loaded(s, load); got != want {
		s.Errorf("%s: the cloud has %s, want %s", load, got, want)
	}
}

func TestH01H05ProductsAreSentByHandAndAgainWhenChangedOrNew(t *testing.T) {
	folder := t.TempDir()
	s := primaryOf(e2e.NewSite(t), "products", folder).Start()
	drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n2,,DOIS\n")
	s.Command(cli.ExitDone, "routines", "run", "products", "--full")
	wantLoaded(s, "products", "1 x1, 2 x1")
	drop(t, folder, "2.csv", "sku,ean,name\n1,,UM\n2,,DOIS E MEIO\n3,,TRES\n")
	s.Command(cli.ExitDone, "routines", "run", "products")
	wantLoaded(s, "products", "1 x1, 2 x2, 3 x1")
}

func TestH02H06OperatorsAreSentByHandAndAgainWhenChangedOrNew(t *testing.T) {
	folder := t.TempDir()
	s := primaryOf(e2e.NewSite(t), "operators", folder).Start()
	drop(t, folder, "1.json", `[{"id":"1","name":"ANA"},{"id":"2","name":"BIA"}]`)
	s.Command(cli.ExitDone, "routines", "run", "operators", "--full")
	wantLoaded(s, "operators", "1 x1, 2 x1")
	drop(t, folder, "2.json", `[{"id":"1","name":"ANA"},{"id":"2","name":"BIA LIMA"},{"id":"3","name":"CID"}]`)
	s.Command(cli.ExitDone, "routines", "run", "operators")
	wantLoaded(s, "operators", "1 x1, 2 x2, 3 x1")
}

// sixMonths writes a CSV of four sales a day, each of two lines, and gives the ids with what each was worth.
func sixMonths(t *testing.T) (file string, sales map[string]string) {
	t.Helper()
	const days, daily = 182, 4
	sales = make(map[string]string)
	var text strings.Builder
	text.WriteString("coupon;date;time;client_id;pdv_code;operator_id;sku;ean;product_name;quantity;unit_value;total_value;total_value_with_discount;payment_form\n")
	first := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for day := range days {
		for n := range daily {
			id := fmt.Sprintf("L1-%03d-%d", day, n)
			for line, cents := range []int{1000 + day, 250} {
				fmt.Fprintf(&text, "%s;%s;1%d:00:00;0;012;0123;%d;789%d;PRODUTO;1;%[7]s;%[7]s;%[7]s;cash\n", id, first.AddDate(0, 0, day).Format(time.DateOnly), n, line+1, line,
					0, fmt.Sprintf("%d,%02d", cents/100, cents%100))
			}
			sales[id] = fmt.Sprintf("%d.%02d", (1250+day)/100, (1250+day)%100)
		}
	}
	file = filepath.Join(t.TempDir(), "vendas.csv")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, sales
}

// TestH03SixMonthsOfSalesArriveOnceThoughTheImportIsKilled kills the program whenever a few more batches have arrived, answers are
// lost on top of that, and the last run is left alone.
func TestH03SixMonthsOfSalesArriveOnceThoughTheImportIsKilled(t *testing.T) {
	s := e2e.NewSite(t, "primary: false", "primary: true ")
	file, sales := sixMonths(t)
	cloud := s.Clouds.Mercafacil
	s.AddFault(simkit.Fault{Route: "coupons-list", Fault: "slow", DelayMS: 20})
	args := []string{"history", "import", "--file", file, "--decimal", "comma", "--batch", "20", "--config", s.Config}
	if out := s.Command(cli.ExitDone, append(args[:len(args)-2:len(args)-2], "--dry-run")...); len(cloud.Received()) != 0 || !strings.Contains(out, "728 vendas certas") {
		t.Fatalf("a dry run sent %d requests and said %s", len(cloud.Received()), out)
	}
	e2e.RunAsProgram(t)
	for round := range 4 {
		begun := len(cloud.Received())
		program := exec.CommandContext(t.Context(), os.Args[0], args...)
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		s.Until("some batches arrive", func() bool { return len(cloud.Received()) >= begun+3+round })
		if err := program.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if program.Wait() == nil {
			t.Fatal("it had ended before it was killed")
		}
	}
	s.Clouds.Mercafacil.Heal()
	code, out, progress := e2e.RunCommand(t, args...)
	if code != cli.ExitDone || !strings.Contains(out, "Importação completa") {
		t.Fatalf("ended with %d: %s%s", code, out, progress)
	}
	if first, _, _ := strings.Cut(progress, "\n"); !strings.HasPrefix(first, "{") || !strings.Contains(first, `"per_second"`) {
		t.Errorf("the progress is no line of JSON: %s", first)
	}
	for _, coupon := range cloud.Coupons() {
		if want, known := sales[coupon.ID]; !known || !coupon.FromList || !strings.Contains(string(coupon.Body), `"total_value":`+want+`,`) {
			t.Errorf("the cloud has %s, want %s: %s", coupon.ID, want, coupon.Body)
		}
	}
	most, sent := len(sales)/20+1, len(s.Arrivals("coupons-list"))
	if n := len(cloud.Coupons()); n != len(sales) || sent > most+4 {
		t.Errorf("%d of %d sales after %d requests of at most %d and one more for each kill", n, len(sales), sent, most)
	}
	if s.Command(cli.ExitDone, args[:len(args)-2]...); len(s.Arrivals("coupons-list")) != sent {
		t.Error("it was done, and sent something again")
	}
}

func TestH04SalesArriveWithEveryFormOfPayment(t *testing.T) {
	s := e2e.NewSite(t).Start()
	for i, forms := range []string{
		`[{"payment_form":"cash","amount":56.93,"instalments":1}]`,
		`[{"payment_form":"credit","amount":50.00,"instalments":3},{"payment_form":"pix","amount":6.93,"instalments":1}]`,
	} {
		receipt := agenttest.Receipt(fmt.Sprint("H4-", i), "")
		before, rest, _ := strings.Cut(receipt, `"payments":`)
		_, after, _ := strings.Cut(rest, `]`)
		if got := s.Post("/v2/coupons", before+`"payments":`+forms+after); got.Status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", forms, got.Status, got.Body)
		}
		s.WaitDrained()
		if body := s.LastBody("coupon"); !strings.Contains(body, `"payments":`+forms) {
			t.Errorf("went up as %s, want %s", body, forms)
		}
	}
}

// TestH07TheCloudMayLiveAnywhere has it below a path of another server, as the vendor's own is.
func TestH07TheCloudMayLiveAnywhere(t *testing.T) {
	for _, path := range []string{"/api/", "/api"} {
		t.Run(path, func(t *testing.T) {
			folder := t.TempDir()
			s := primaryOf(e2e.NewSite(t), "products", folder)
			target, err := url.Parse(s.Clouds.BaseURL() + "v2")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.StripPrefix("/api/v2", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})}
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = server.Serve(listener) }() // it ends with Close
			t.Cleanup(func() { _ = server.Close() })
			s.EditConfig(s.Clouds.BaseURL(), "http://"+listener.Addr().String()+path)
			s.Start()
			s.AddMember(e2e.Maria, "Maria")
			drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n")
			s.Command(cli.ExitDone, "routines", "run", "products")
			one := s.Begin("v2", e2e.Maria)
			one.Apply(e2e.Units("80215", 2, "10.00"))
			one.Sell("K")
			wantLoaded(s, "products", "1 x1")
			s.WantSoldOnce("K")
			if used := s.Arrivals("confirm"); len(used) != 1 {
				t.Errorf("%d confirms arrived", len(used))
			}
		})
	}
}

func TestH08ATokenOfAnySizeServesLoadsAndSales(t *testing.T) {
	for _, size := range []int{500, 4000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := e2e.NewSiteWithToken(t, strings.Repeat("tK9-", size/4)).Start()
			if got := s.Post("/v2/products", `[{"sku":"1","ean":"","name":"UM"}]`); got.Status != http.StatusAccepted {
				t.Fatalf("products: %d %s", got.Status, got.Body)
			}
			if got := s.Post("/v2/coupons", agenttest.Receipt("K", "")); got.Status != http.StatusAccepted {
				t.Fatalf("coupon: %d %s", got.Status, got.Body)
			}
			wantLoaded(s, "products", "1 x1")
			s.WantSoldOnce("K")
		})
	}
}

// TestH09AUnifiedBaseIsLoadedByOneShopAndEachSellsUnderItsOwnToken: where the base is not unified, both have a source.
func TestH09AUnifiedBaseIsLoadedByOneShopAndEachSellsUnderItsOwnToken(t *testing.T) {
	for unified, second := range map[bool]string{true: "coupon", false: "products, coupon"} {
		t.Run(fmt.Sprint("unified ", unified), func(t *testing.T) {
			tokens := []string{"SHOP-1-TOKEN", "SHOP-2-TOKEN"}
			cloud, err := mercafacilsim.New(mercafacilsim.Config{Tokens: tokens})
			if err != nil {
				t.Fatal(err)
			}
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{ReadHeaderTimeout: time.Second, Handler: cloud}
			go func() { _ = server.Serve(listener) }() // it ends with Close
			t.Cleanup(func() { _ = server.Close() })
			for i, token := range tokens {
				s, folder := e2e.NewSiteWithToken(t, token), t.TempDir()
				s.EditConfig(s.Clouds.BaseURL(), "http://"+listener.Addr().String()+"/")
				if i == 0 || !unified {
					primaryOf(s, "products", folder).Start()
					drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n")
					s.Command(cli.ExitDone, "routines", "run", "products")
				} else {
					s.Start()
				}
				s.WaitDrained()
				s.Post("/v2/coupons", agenttest.Receipt(fmt.Sprint("L", i), ""))
				s.WaitDrained()
			}
			routes := make(map[string][]string)
			for _, arrival := range cloud.Received() {
				routes[arrival.Shop] = append(routes[arrival.Shop], arrival.Route)
			}
			for i, want := range []string{"products, coupon", second} {
				if got := strings.Join(routes[tokens[i][:len("SHOP-1")]], ", "); got != want {
					t.Errorf("shop %d sent %s, want %s; all: %v", i+1, got, want, routes)
				}
			}
		})
	}
}

// An import that is refused as a whole says so and why; only one that was stopped goes on by itself.
func TestAnImportThatIsRefusedIsNotInterrupted(t *testing.T) {
	s := e2e.NewSite(t, "primary: false", "primary: true ")
	file := filepath.Join(t.TempDir(), "vendas.csv")
	text := "coupon;date;time;client_id;pdv_code;operator_id;sku;ean;product_name;quantity;unit_value;total_value;total_value_with_discount;payment_form\n" +
		"A;2026-05-14;19:00:00;0;012;0123;1;789;CAFE;1;10.00;10.00;10.00;cash\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dry := range [][]string{nil, {"--dry-run"}} {
		out := s.Command(cli.ExitFailed, append([]string{"history", "import", "--file", file, "--decimal", "comma"}, dry...)...)
		if !strings.Contains(out, "Recusada (") || !strings.Contains(out, "contradiz a opção decimal") || strings.Contains(out, "Interrompida") || len(s.Clouds.Mercafacil.Received()) != 0 {
			t.Errorf("%v: %s", dry, out)
		}
	}
	if out := s.Command(cli.ExitDone, "history", "import", "--file", file); !strings.Contains(out, "Importação completa: 1 vendas enviadas") {
		t.Errorf("put right: %s", out)
	}
}
