// Package agenttest holds what the tests of several packages need: documents and receipts that are right, and the guard
// that keeps tests on this machine. Tests alone import it.
package agenttest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Documents with right check digits, and one without.
const (
	CPF        = "52998224725"
	CNPJ       = "11222333000181"
	LetterCNPJ = "12ABC34501DE35"
	BadCPF     = "12345678901"
)

// Main is a TestMain: names are not resolved outside this machine, and no goroutine may outlive its test but those
// that are known.
func Main(m goleak.TestingM, known ...goleak.Option) {
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("a test must not leave this machine")
		},
	}
	goleak.VerifyTestMain(m, known...)
}

// Missing skips a test for want of something that this machine may lack, unless PDVAGENT_REQUIRE=all forbids it.
func Missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PDVAGENT_REQUIRE") == "all" {
		t.Fatal("missing: " + what)
	}
	t.Skip("missing: " + what)
}

// Takes lets a time pass, if there is any. A timer channel that is due before somebody waits on it must not exist in a
// synctest bubble: neither one of no length, nor one that becomes due while its owner waits for something else. Looking at
// it runs the timer in the looking goroutine, with the bubble's one context of the race detector and without a lock; two
// such goroutines break the detector (ThreadSanitizer: CHECK failed, or SIGSEGV; golang/go issue 78156).
func Takes(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Receipt is the body of a right coupon: three packets of coffee and weighed cheese, paid in cash.
func Receipt(coupon, session string) string {
	return ReceiptWith(fmt.Sprintf(`"transaction_id":%q,"client_id":"0","coupon":%q`, session, coupon))
}

// Today gives a receipt of [Receipt] the date of the clock: for an agent that runs by it and is to find nothing odd.
func Today(receipt string) string {
	return strings.Replace(receipt, sampleDate, time.Now().Format(time.DateOnly), 1)
}

// sampleDate is the date of the contract's sample receipt.
const sampleDate = "2026-05-14"

// ReceiptWith is [Receipt] with other leading members.
func ReceiptWith(members string) string {
	return `{` + members + `,"date":"` + sampleDate + `","time":"19:12:46",` +
		`"items":[{"sku":"80215","ean":"7890000000017","product_name":"CAFE 500G","quantity":3,"packing_quantity":1,"unit_value":10.00,"total_value":30.00,"total_value_with_discount":20.00},` +
		`{"sku":"411","ean":"2000411000000","product_name":"QUEIJO KG","quantity":1.235,"packing_quantity":1,"unit_value":29.90,"total_value":36.93,"total_value_with_discount":36.93}],` +
		`"payments":[{"payment_form":"cash","amount":51.93,"instalments":1},{"payment_form":"cashback","amount":5.00,"instalments":1}],` +
		`"total_value":66.93,"total_value_with_discount":56.93,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`
}
