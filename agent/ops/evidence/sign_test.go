package evidence_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/evidence"
)

// seeded gives the same random bytes each time.
func seeded() *strings.Reader {
	return strings.NewReader(strings.Repeat("a seed of 32 bytes for the tests", 2))
}

func made(t *testing.T) *evidence.Signer {
	t.Helper()
	signer, err := evidence.MakeSigner(seeded())
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// shops is a signer whose certificate comes from an authority.
func shops(t *testing.T) *evidence.Signer {
	t.Helper()
	issue := func(name string, serial int64, above *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: above == nil, BasicConstraintsValid: true}
		if above == nil {
			above, by = template, key
		}
		raw, err := x509.CreateCertificate(rand.Reader, template, above, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		return certificate, key
	}
	authority, authorityKey := issue("AC TESTE", 1, nil, nil)
	leaf, key := issue("MERCADO SAO JOAO LTDA:12345678000195", 2, authority, authorityKey)
	signer, err := evidence.NewSigner(&tls.Certificate{Certificate: [][]byte{leaf.Raw, authority.Raw}, PrivateKey: key, Leaf: leaf})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func written(t *testing.T, signer *evidence.Signer) evidence.Files {
	t.Helper()
	files, err := evidence.Write(t.TempDir(), "homologacao", *sample(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func verified(t *testing.T, path string) *evidence.Verification {
	t.Helper()
	v, err := evidence.Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNothingChangedInWhatWasJustWritten(t *testing.T) {
	for name, signer := range map[string]*evidence.Signer{"a key made for it": made(t), "the shop's certificate": shops(t)} {
		t.Run(name, func(t *testing.T) {
			files := written(t, signer)
			for _, path := range []string{files.JSON, files.HTML, files.PDF, files.Signed, filepath.Dir(files.JSON)} {
				v := verified(t, path)
				if len(v.Changes) != 0 || len(v.Checked) != 3 || v.By != signer.Signature() || v.Shop != "001" || v.At.IsZero() {
					t.Errorf("%s: %+v", path, v)
				}
			}
			page := agentRead(t, files.HTML)
			if print := v(signer); !strings.Contains(page, print) || !strings.Contains(page, "PKCS#7") {
				t.Errorf("the cover does not show %s", print)
			}
		})
	}
}

// v is a fingerprint as the cover shows it.
func v(signer *evidence.Signer) string {
	digits := strings.ToUpper(signer.Signature().Fingerprint)
	var pairs []string
	for pair := range slices.Chunk([]byte(digits), 2) {
		pairs = append(pairs, string(pair))
	}
	return strings.Join(pairs, ":")
}

func agentRead(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestTheUnsignedFilesAreTheSameBytesUnderAFixedClockAndSeed(t *testing.T) {
	first, second := written(t, made(t)), written(t, made(t))
	for _, pair := range [][2]string{{first.JSON, second.JSON}, {first.HTML, second.HTML}, {first.PDF, second.PDF}} {
		if agentRead(t, pair[0]) != agentRead(t, pair[1]) {
			t.Errorf("%s is another one", filepath.Base(pair[0]))
		}
	}
}

func TestAnEditedReportTellsWhere(t *testing.T) {
	files := written(t, made(t))
	for name, c := range map[string]struct {
		file, from, to string
		want           []string
	}{
		"the verdict of an item":       {files.JSON, `"verdict": "failed"`, `"verdict": "passed"`, []string{"O item H14 foi alterado em homologacao.json; ele foi assinado como reprovado."}},
		"an item's field more":         {files.JSON, `"id": "H20",`, `"id": "H20", "note": 1,`, []string{"O item H20 foi alterado em homologacao.json; ele foi assinado como em aberto."}},
		"another id":                   {files.JSON, `"id": "H20"`, `"id": "H21"`, []string{"O item H20 foi retirado de homologacao.json; ele foi assinado como em aberto.", "O item H21 de homologacao.json não estava no relatório assinado."}},
		"the shop":                     {files.JSON, `"shop": "001"`, `"shop": "002"`, []string{"A capa de homologacao.json mudou depois da assinatura."}},
		"the summary":                  {files.JSON, `"failed": 1`, `"failed": 0`, []string{"O resumo de homologacao.json mudou depois da assinatura."}},
		"a space":                      {files.JSON, `"version": 1`, `"version":  1`, []string{"homologacao.json não é byte a byte o que foi assinado; a mudança está fora dos itens e da capa."}},
		"no JSON":                      {files.JSON, "{", "[", []string{"homologacao.json foi alterado e não se lê mais como um relatório."}},
		"an item in the page":          {files.HTML, "3 lotes com 1.200 produtos", "9 lotes com 9.999 produtos", []string{"O item H1 foi alterado em homologacao.html; ele foi assinado como aprovado."}},
		"the cover of the page":        {files.HTML, "São João", "São José", []string{"A capa de homologacao.html mudou depois da assinatura."}},
		"the list in the page":         {files.HTML, "Cliente treinado</td>", "Cliente</td>", []string{"O resumo, ou a lista de verificação, de homologacao.html mudou depois da assinatura."}},
		"a heading between the items":  {files.HTML, "<p class=\"group\">percentage", "<p class=\"group\">combo", []string{"Um título entre os itens de homologacao.html mudou depois da assinatura."}},
		"the end of the page":          {files.HTML, "</html>\n", "</html>", []string{"Um título entre os itens de homologacao.html mudou depois da assinatura."}},
		"the end of the PDF":           {files.PDF, "%%EOF", "%%EOE", []string{"homologacao.pdf não é byte a byte o que foi assinado; a mudança está fora dos itens e da capa."}},
		"a PDF that is of another run": {files.PDF, "stream", "streak", []string{"homologacao.pdf foi alterado: as páginas dele não se acham mais como foram assinadas."}},
	} {
		t.Run(name, func(t *testing.T) {
			whole := agentRead(t, c.file)
			edited := strings.Replace(whole, c.from, c.to, 1)
			if edited == whole {
				t.Fatal("nothing is edited")
			}
			write(t, c.file, []byte(edited))
			defer write(t, c.file, []byte(whole))
			if got := verified(t, files.Signed).Changes; !slices.Equal(got, c.want) {
				t.Errorf("it says %q", got)
			}
		})
	}
}

func TestAnEditedPageOfThePDFIsNamedWithItsItems(t *testing.T) {
	files, other := written(t, made(t)), sample()
	other.Items[4].Confirmed.By = "Outra pessoa"
	edited, err := evidence.Write(t.TempDir(), "homologacao", *other, made(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.PDF, []byte(agentRead(t, edited.PDF)))
	got := verified(t, files.PDF).Changes
	if len(got) != 2 || got[0] != "A página 1 de homologacao.pdf foi alterada." || !strings.Contains(got[1], " de homologacao.pdf foi alterada; nela estão: H40, A3.") {
		t.Errorf("it says %q", got)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestASignatureThatIsNoneIsAnError(t *testing.T) {
	files := written(t, made(t))
	whole := agentRead(t, files.Signed)
	for name, content := range map[string]string{
		"edited":    strings.Replace(whole, `"shop": "001"`, `"shop": "002"`, 1),
		"empty":     "",
		"cut":       whole[:len(whole)/2],
		"something": "isto não é PKCS#7",
	} {
		write(t, files.Signed, []byte(content))
		if v, err := evidence.Verify(files.Signed); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if err := os.Remove(files.Signed); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{files.JSON, files.Signed, filepath.Dir(files.JSON), filepath.Join(t.TempDir(), "x.html"), "/etc/hosts"} {
		if v, err := evidence.Verify(path); err == nil {
			t.Errorf("%s: %+v", path, v)
		}
	}
}

func TestWhoSignsAnothersReportIsNotOnItsCover(t *testing.T) {
	files := written(t, made(t))
	other, err := evidence.MakeSigner(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	again, err := evidence.Resign(files, *sample(), other)
	if err != nil {
		t.Fatal(err)
	}
	if got := verified(t, again.Signed).Changes; len(got) != 1 || !strings.Contains(got[0], "impressão digital de outra chave") {
		t.Errorf("it says %q", got)
	}
}

func TestOpenSSLVerifiesTheSignatureAndGivesBackWhatIsSigned(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		agenttest.Missing(t, "openssl")
	}
	for name, signer := range map[string]*evidence.Signer{"a key made for it": made(t), "the shop's certificate": shops(t)} {
		files := written(t, signer)
		for _, command := range [][]string{{"cms", "-verify", "-inform", "DER", "-noverify"}, {"smime", "-verify", "-inform", "DER", "-noverify"}} {
			content, err := exec.CommandContext(t.Context(), program, append(command, "-binary", "-in", files.Signed)...).Output()
			if err != nil {
				t.Errorf("%s, %s: %v", name, command[0], err)
				continue
			}
			var signed struct{ JSON, HTML, PDF string }
			if err := json.Unmarshal(content, &signed); err != nil || len(signed.JSON) != 64 || len(signed.PDF) != 64 {
				t.Errorf("%s, %s gives %s", name, command[0], content)
			}
		}
		edited := bytes.Replace([]byte(agentRead(t, files.Signed)), []byte(`"till": "012"`), []byte(`"till": "013"`), 1)
		write(t, files.Signed, edited)
		if out, err := exec.CommandContext(t.Context(), program, "cms", "-verify", "-inform", "DER", "-noverify", "-in", files.Signed).Output(); err == nil {
			t.Errorf("%s: openssl takes an edited one: %s", name, out)
		}
	}
}

func FuzzVerifyASignature(f *testing.F) {
	signer, err := evidence.MakeSigner(seeded())
	if err != nil {
		f.Fatal(err)
	}
	folder := f.TempDir()
	files, err := evidence.Write(folder, "homologacao", *sample(), signer)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(files.Signed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("0\x80\x06\t*\x86H\x86\xf7\r\x01\a\x02\xa0\x800\x80"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "x.p7m")
		write(t, path, content)
		if _, err := evidence.Verify(path); err == nil {
			t.Error("a signature without its report is taken")
		}
	})
}
