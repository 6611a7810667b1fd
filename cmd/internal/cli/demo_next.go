package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"pdvagent/cmd/internal/rig"
)

// printNextSteps prints what a till's programmer may try next: calls for what the demo has just made. They are pasted as they
// are, into a shell, the Command Prompt or PowerShell: double quotes only, and bodies from files.
func (d *Demo) printNextSteps(ctx context.Context) error {
	job, err := d.Till.JobOf(ctx, pixCoupon)
	if err != nil {
		return err
	}
	member, err := d.body("maria.json", fmt.Sprintf(`{"document_no":%q}`, rig.Member))
	if err != nil {
		return err
	}
	sale, err := d.body("venda.json", rig.SaleBody("CURL-1", ""))
	if err != nil {
		return err
	}
	d.say("\nO agente continua em %s (Ctrl+C encerra).", d.Till.Base)
	d.say("A documentação da API, para ler e experimentar: %s/docs", d.Till.Base)
	d.say("A página da nuvem simulada: http://%s/control/mercafacil/", d.Clouds.Address())
	d.say("\nExperimente em outra janela; cada linha responde como está:")
	for _, step := range []struct{ what, token, path, more string }{
		{"a venda que Maria acabou de fazer", d.Till.Token, "/v1/sales/MARIA-1", ""},
		{"o Pix da venda " + pixCoupon, d.Till.Token, "/v1/payments/" + d.payment, ""},
		{"o boleto que teve baixa", d.Till.Token, "/v1/boletos/" + d.boleto, ""},
		{"um registro da fila, como o suporte o vê", d.Till.SupportToken, "/v1/queue/" + job, ""},
		{"Maria chega para outra compra", d.Till.Token, "/v2/transaction/start", member},
		{"uma venda nova, a CURL-1", d.Till.Token, "/v2/coupons", sale},
		{"o que aconteceu com ela", d.Till.Token, "/v1/sales/CURL-1", ""},
		{"como está o agente", d.Till.SupportToken, "/v1/status", ""},
	} {
		d.say("\n%s:\n%s", step.what, curl(d.Till.Base+step.path, step.token, step.more))
	}
	return nil
}

// body writes a call's body into the demo's folder, and gives the option by which curl sends it.
func (d *Demo) body(name, text string) (option string, err error) {
	path := filepath.Join(d.folder, name)
	return fmt.Sprintf(` -H "Content-Type: application/json" -d "@%s"`, path), os.WriteFile(path, []byte(text), 0o600)
}

// curl is a command line. In PowerShell of Windows, curl alone is another program.
func curl(url, token, more string) string {
	program := "curl"
	if runtime.GOOS == "windows" {
		program = "curl.exe"
	}
	return fmt.Sprintf(`%s -s "%s" -H "Authorization: Bearer %s"%s`, program, url, token, more)
}
