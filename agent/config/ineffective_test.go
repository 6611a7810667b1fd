package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/config"
)

// Each line is a file's sections, and the field without effect. The agent starts with all of them.
func TestOptionsWithoutEffectAreNamedAndNothingElse(t *testing.T) {
	const (
		bank   = "base_url: 'http://127.0.0.1:1/v3', token_url: 'http://127.0.0.1:1/token', client_id: x, numero_cliente: 567890"
		pix    = "ideamaker: {gateway_url: 'http://127.0.0.1:1', gateway_key: k"
		titles = pix + ", titles_url: 'http://127.0.0.1:1', customer_id: a, customer_key: b, seller: {distribuidor: a, pdv: b}"
		hook   = "webhook: {listen: '0.0.0.0:8443', path_secret: 'aaaaaaaaaaaaaaaaaaaaaaaa'}"
		folder = "source: {type: folder, path: /erp}"
	)
	for _, c := range []struct{ sections, field, why string }{
		{"routines: {resend: {every: 40m}, end-of-day: {at: ['22:00']}}", "", ""},
		{"routines: {backup: {off: true}}", "", ""},
		{"routines: {backup: {off: true, at: ['04:00']}}", "routines.backup.at", "off: true"},
		{"routines: {resend: {off: true, every: 60m}}", "routines.resend.every", "off: true"},
		{"routines: {products: {off: true, " + folder + "}}", "", ""},
		{"routines: {products: {off: true, every: 6h, " + folder + "}}", "routines.products.every", "off: true"},
		{"routines: {sicoob-settlement: {every: 60m}}", "routines.sicoob-settlement", "payments.sicoob falta"},
		{"payments: {sicoob: {" + bank + "}}", "", ""},
		{"payments: {sicoob: {" + bank + ", numero_contrato: 5}}", "payments.sicoob.numero_contrato", "da v2"},
		{"payments: {sicoob: {" + bank + ", version: v2, numero_contrato: 5}}", "payments.sicoob.numero_cliente", "da v3"},
		{"payments: {sicoob: {" + bank + ", certificate_password: x}}", "payments.sicoob.certificate_password", "certificate falta"},
		{"payments: {sicoob: {" + bank + ", ca_file: FILE}}", "payments.sicoob.ca_file", "sem TLS"},
		{"payments: {sicoob: {" + bank + ", certificate: FILE}}", "payments.sicoob.certificate", "sem TLS"},
		{"payments: {" + titles + "}}", "", ""},
		{"payments: {" + pix + "}, " + hook + "}", "", ""},
		{"payments: {" + pix + ", customer_id: a}}", "payments.ideamaker.customer_id", "titles_url falta"},
		{"payments: {" + pix + ", customer_key: a}}", "payments.ideamaker.customer_key", "titles_url falta"},
		{"payments: {" + pix + ", api_key: a}}", "payments.ideamaker.api_key", "titles_url falta"},
		{"payments: {" + pix + ", seller: {pdv: a}}}", "payments.ideamaker.seller", "titles_url falta"},
		{"payments: {" + hook + "}", "payments.webhook", "payments.ideamaker falta"},
		{"payments: {cashorder: {base_url: 'http://127.0.0.1:1', total: items_and_shipping, accept_card_data: true}}", "", ""},
		{"payments: {cashorder: {base_url: 'http://127.0.0.1:1', total: items}}", "", ""},
		{"payments: {cashorder: {base_url: 'http://127.0.0.1:1', total: items_and_shipping}}", "payments.cashorder.total", "accept_card_data"},
		{"no cloud\nsender: {parallel: 4, retry_min: 5s}\nloyalty: {abandon_after: 2h}\nroutines: {resend: {every: 30m}, end-of-day: {at: ['23:30']}}", "", ""},
		{"no cloud\nsender: {parallel: 5}", "sender.parallel", "mercafacil falta"},
		{"no cloud\nloyalty: {unknown_member: zero}", "loyalty.unknown_member", "mercafacil falta"},
		{"no cloud\nroutines: {products: {" + folder + "}}", "routines.products", "mercafacil falta"},
		{"no cloud\nroutines: {resend: {every: 40m}}", "routines.resend", "mercafacil falta"},
	} {
		sections, withoutCloud := strings.CutPrefix(c.sections, "no cloud\n")
		text := strings.ReplaceAll(minimal(sections), "FILE", "'"+emptyFile(t)+"'")
		if withoutCloud {
			text = strings.Replace(text, "mercafacil: {base_url: https://example.com/api/, token: t0ken, pdv_version: '1'}\n", "", 1)
		}
		_, warnings, err := config.Parse([]byte(text), t.TempDir(), noEnv)
		var idle []string
		for _, w := range warnings {
			if w.Idle() {
				idle = append(idle, w.Field)
				if w.Line == 0 || !strings.Contains(w.Detail, c.why) || !strings.HasPrefix(w.Detail, "não tem efeito: ") {
					t.Errorf("%s: %v", c.sections, w)
				}
			}
		}
		if err != nil || strings.Join(idle, " ") != c.field {
			t.Errorf("%s: got %q, want %q; %v", text, idle, c.field, err)
		}
	}
}

// emptyFile is a file that is there.
func emptyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(path)
}

// What config init writes has nothing without effect.
func TestTheTemplateHasNoOptionWithoutEffect(t *testing.T) {
	_, warnings, err := config.Parse([]byte(strings.ReplaceAll(config.Template(config.Example()), "troque-este", "aaaaaaaaaa")), t.TempDir(), noEnv)
	if err != nil || len(warnings) > 0 {
		t.Errorf("got %v %v", warnings, err)
	}
}
