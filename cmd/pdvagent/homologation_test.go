package main

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
	"pdvagent/mercafacil/mercafacilsim"
)

// The tests of this file are the homologation's stage 1, item by item (contracts/mercafacil.md 2.9), as the implantation
// team goes through it: with the program's own commands, against the simulated cloud. H42 is in reconcile_test.go.

// primaryOf makes a site's till the primary one, whose load has a folder as its source.
func primaryOf(s *site, load, folder string) *site {
	s.t.Helper()
	s.rewrite("primary: false", "primary: true ")
	s.rewrite("  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}", fmt.Sprintf("  %s: {every: 6h, source: {type: folder, path: '%s'}}", load, folder))
	return s
}

// loaded says what the cloud has of a load, and how often each record came.
func (s *site) loaded(load string) string {
	var list []string
	for _, record := range s.clouds.Mercafacil.Loaded(load) {
		list = append(list, fmt.Sprintf("%s x%d", record.Key, record.Times))
	}
	return strings.Join(list, ", ")
}

func (s *site) wantLoaded(load, want string) {
	s.t.Helper()
	s.drained()
	if got := s.loaded(load); got != want {
		s.t.Errorf("%s: the cloud has %s, want %s", load, got, want)
	}
}

func TestH01H05ProductsAreSentByHandAndAgainWhenChangedOrNew(t *testing.T) {
	folder := t.TempDir()
	s := primaryOf(newSite(t), "products", folder).open()
	drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n2,,DOIS\n")
	s.command(exitDone, "routines", "run", "products", "--full")
	s.wantLoaded("products", "1 x1, 2 x1")
	drop(t, folder, "2.csv", "sku,ean,name\n1,,UM\n2,,DOIS E MEIO\n3,,TRES\n")
	s.command(exitDone, "routines", "run", "products")
	s.wantLoaded("products", "1 x1, 2 x2, 3 x1")
}

func TestH02H06OperatorsAreSentByHandAndAgainWhenChangedOrNew(t *testing.T) {
	folder := t.TempDir()
	s := primaryOf(newSite(t), "operators", folder).open()
	drop(t, folder, "1.json", `[{"id":"1","name":"ANA"},{"id":"2","name":"BIA"}]`)
	s.command(exitDone, "routines", "run", "operators", "--full")
	s.wantLoaded("operators", "1 x1, 2 x1")
	drop(t, folder, "2.json", `[{"id":"1","name":"ANA"},{"id":"2","name":"BIA LIMA"},{"id":"3","name":"CID"}]`)
	s.command(exitDone, "routines", "run", "operators")
	s.wantLoaded("operators", "1 x1, 2 x2, 3 x1")
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
	s := newSite(t, "primary: false", "primary: true ")
	file, sales := sixMonths(t)
	cloud := s.clouds.Mercafacil
	s.fault(mercafacilsim.Fault{Route: "coupons-list", Fault: "slow", DelayMS: 20})
	args := []string{"history", "import", "--file", file, "--decimal", "comma", "--batch", "20", "--config", s.config}
	if out := s.command(exitDone, append(args[:len(args)-2:len(args)-2], "--dry-run")...); len(cloud.Received()) != 0 || !strings.Contains(out, "728 vendas certas") {
		t.Fatalf("a dry run sent %d requests and said %s", len(cloud.Received()), out)
	}
	t.Setenv(asMain, "1")
	for round := range 4 {
		begun := len(cloud.Received())
		program := exec.CommandContext(t.Context(), os.Args[0], args...)
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		s.until("some batches arrive", func() bool { return len(cloud.Received()) >= begun+3+round })
		if err := program.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if program.Wait() == nil {
			t.Fatal("it had ended before it was killed")
		}
	}
	s.clouds.Mercafacil.Heal()
	code, out, progress := runCommand(t, args...)
	if code != exitDone || !strings.Contains(out, "Importação completa") {
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
	most, sent := len(sales)/20+1, len(s.arrivals("coupons-list"))
	if n := len(cloud.Coupons()); n != len(sales) || sent > most+4 {
		t.Errorf("%d of %d sales after %d requests of at most %d and one more for each kill", n, len(sales), sent, most)
	}
	if s.command(exitDone, args[:len(args)-2]...); len(s.arrivals("coupons-list")) != sent {
		t.Error("it was done, and sent something again")
	}
}

func TestH04SalesArriveWithEveryFormOfPayment(t *testing.T) {
	s := newSite(t).open()
	for i, forms := range []string{
		`[{"payment_form":"cash","amount":56.93,"instalments":1}]`,
		`[{"payment_form":"credit","amount":50.00,"instalments":3},{"payment_form":"pix","amount":6.93,"instalments":1}]`,
	} {
		receipt := agenttest.Receipt(fmt.Sprint("H4-", i), "")
		before, rest, _ := strings.Cut(receipt, `"payments":`)
		_, after, _ := strings.Cut(rest, `]`)
		if got := s.post("/v2/coupons", before+`"payments":`+forms+after); got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", forms, got.status, got.body)
		}
		s.drained()
		if body := s.lastBody("coupon"); !strings.Contains(body, `"payments":`+forms) {
			t.Errorf("went up as %s, want %s", body, forms)
		}
	}
}

// TestH07TheCloudMayLiveAnywhere has it below a path of another server, as the vendor's own is.
func TestH07TheCloudMayLiveAnywhere(t *testing.T) {
	for _, path := range []string{"/api/", "/api"} {
		t.Run(path, func(t *testing.T) {
			folder := t.TempDir()
			s := primaryOf(newSite(t), "products", folder)
			target, err := url.Parse(s.clouds.BaseURL() + "v2")
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
			s.rewrite(s.clouds.BaseURL(), "http://"+listener.Addr().String()+path)
			s.open()
			s.member(maria, "Maria")
			drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n")
			s.command(exitDone, "routines", "run", "products")
			one := s.begin("v2", maria)
			one.apply(units("80215", 2, "10.00"))
			one.sell("K")
			s.wantLoaded("products", "1 x1")
			s.wantSoldOnce("K")
			if used := s.arrivals("confirm"); len(used) != 1 {
				t.Errorf("%d confirms arrived", len(used))
			}
		})
	}
}

func TestH08ATokenOfAnySizeServesLoadsAndSales(t *testing.T) {
	for _, size := range []int{500, 4000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newSiteWith(t, strings.Repeat("tK9-", size/4)).open()
			if got := s.post("/v2/products", `[{"sku":"1","ean":"","name":"UM"}]`); got.status != http.StatusAccepted {
				t.Fatalf("products: %d %s", got.status, got.body)
			}
			if got := s.post("/v2/coupons", agenttest.Receipt("K", "")); got.status != http.StatusAccepted {
				t.Fatalf("coupon: %d %s", got.status, got.body)
			}
			s.wantLoaded("products", "1 x1")
			s.wantSoldOnce("K")
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
				s, folder := newSiteWith(t, token), t.TempDir()
				s.rewrite(s.clouds.BaseURL(), "http://"+listener.Addr().String()+"/")
				if i == 0 || !unified {
					primaryOf(s, "products", folder).open()
					drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n")
					s.command(exitDone, "routines", "run", "products")
				} else {
					s.open()
				}
				s.drained()
				s.post("/v2/coupons", agenttest.Receipt(fmt.Sprint("L", i), ""))
				s.drained()
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
