package pix_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/payments/pix"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// The contract's examples (contracts/ideamaker.md 1.7, sevenaz.md 2.5).
const (
	priced   = "00020101021226810014br.gov.bcb.pix2559qrcodes-pix.example.com/v2/0f1e2d3c4b5a69788796a5b4c3d2e1f0520400005303986540515.005802BR5911LOJA MODELO6009SAO PAULO62070503***63045CCD"
	unpriced = "00020101021226750014br.gov.bcb.pix2553pix.example.com/cobv/1111222233334444aaaabbbbccccdddd5204000053039865802BR5914PROVEDOR TESTE6008CURITIBA62070503***63049D75"
)

func TestCRCOfThePublishedText(t *testing.T) {
	if got := pix.CRC("123456789"); got != "29B1" {
		t.Errorf("got %s", got)
	}
}

// sealed gives a text its check sum.
func sealed(text string) string { return text + "6304" + pix.CRC(text+"6304") }

const body = "000201" + "26330014br.gov.bcb.pix0111chave-teste" + "52040000" + "5303986"

func TestCodesAreReadAsTheyStand(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want pix.Code
	}{
		"dynamic, with an amount":    {priced, pix.Code{URL: "qrcodes-pix.example.com/v2/0f1e2d3c4b5a69788796a5b4c3d2e1f0", Amount: 1500, Priced: true, Name: "LOJA MODELO", City: "SAO PAULO"}},
		"dynamic, without":           {unpriced, pix.Code{URL: "pix.example.com/cobv/1111222233334444aaaabbbbccccdddd", Name: "PROVEDOR TESTE", City: "CURITIBA"}},
		"static":                     {sealed(body + "54041.305802BR5904LOJA6003SAO62070503ab1"), pix.Code{Key: "chave-teste", Amount: 130, Priced: true, Name: "LOJA", City: "SAO", TxID: "ab1"}},
		"upper-case GUI, lower CRC":  {lowered(sealed(strings.Replace(body, "br.gov.bcb.pix", "BR.GOV.BCB.PIX", 1) + "5802BR5904LOJA6003SAO")), pix.Code{Key: "chave-teste", Name: "LOJA", City: "SAO"}},
		"composed: a second address": {sealed("000201" + "26180014br.gov.bcb.pix" + "52040000" + "53039865802BR5904LOJA6003SAO" + "80400014br.gov.bcb.pix2518rec.example.com/ab"), pix.Code{URL: "rec.example.com/ab", Name: "LOJA", City: "SAO"}},
		"beside another scheme":      {sealed("000201" + "2604abcd" + "27330014br.gov.bcb.pix0111chave-teste" + "52040000" + "53039865802BR5904LOJA6003SAO"), pix.Code{Key: "chave-teste", Name: "LOJA", City: "SAO"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pix.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got.Fields = nil
			if got.URL != c.want.URL || got.Key != c.want.Key || got.Amount != c.want.Amount || got.Priced != c.want.Priced || got.Name != c.want.Name || got.City != c.want.City || got.TxID != c.want.TxID {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func lowered(text string) string { return text[:len(text)-4] + strings.ToLower(text[len(text)-4:]) }

func TestFaultyCodesAreToldApart(t *testing.T) {
	tail := "5802BR5904LOJA6003SAO"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":                      {"", pix.ErrFields},
		"cut in the middle":          {priced[:80], pix.ErrFields},
		"cut inside the check sum":   {priced[:len(priced)-2], pix.ErrFields},
		"one character changed":      {strings.Replace(priced, "LOJA MODELO", "LOJA NODELO", 1), pix.ErrCRC},
		"check sum not last":         {priced + "6103abc", pix.ErrCRC},
		"without a check sum":        {body + tail, pix.ErrCRC},
		"a field twice":              {sealed(body + tail + "5904LOJA"), pix.ErrFields},
		"a length that is no number": {"00x201" + priced[6:], pix.ErrFields},
		"nested field too long":      {sealed("000201" + "26330014br.gov.bcb.pix0199chave-teste" + "52040000" + "5303986" + tail), pix.ErrFields},
		"nested field twice":         {sealed("000201" + "26370014br.gov.bcb.pix0111chave-teste0100" + "52040000" + "5303986" + tail), pix.ErrFields},
		"key and address":            {sealed("000201" + "26280014br.gov.bcb.pix0101a2501b" + "52040000" + "5303986" + tail), pix.ErrFields},
		"another scheme only":        {sealed("000201" + "26120008scheme.x" + "52040000" + "5303986" + tail), pix.ErrNotPix},
		"a card's code":              {sealed("000201" + "0208abcdefgh" + "52040000" + "5303986" + tail), pix.ErrNotPix},
		"no key, no address":         {sealed("000201" + "26180014br.gov.bcb.pix" + "52040000" + "5303986" + tail), pix.ErrNotPix},
		"another currency":           {sealed(strings.Replace(body, "5303986", "5303840", 1) + tail), pix.ErrFields},
		"three decimals":             {sealed(body + "54051.305" + tail), pix.ErrAmount},
		"not a number":               {sealed(body + "5403abc" + tail), pix.ErrAmount},
		"negative":                   {sealed(body + "5405-1.00" + tail), pix.ErrAmount},
		"another amount":             {sealed(body + "540516.00" + tail), pix.ErrAmount},
		"an exponent":                {sealed(body + "54031e1" + tail), pix.ErrAmount},
		"a point alone":              {sealed(body + "5401." + tail), pix.ErrAmount},
		"513 characters":             {priced + strings.Repeat("x", 513-len(priced)), pix.ErrLength},
		"spaces around":              {" " + priced, pix.ErrFields},
		"half a letter":              {sealed("000201" + "2633" + "0014br.gov.bcb.pix0111chave-test\xc3" + "52040000" + "5303986" + tail), pix.ErrFields},
	} {
		t.Run(name, func(t *testing.T) {
			if err := pix.Check(c.text, 1500); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if err := pix.Check(pix.Clean(" "+priced[:40]+"\r\n"+priced[40:]+"\n"), 1500); err != nil {
		t.Errorf("pasted over two lines: %v", err)
	}
	if err := pix.Check(priced, 7725); err != nil {
		t.Errorf("a dynamic code of another amount, which payers do not look at: %v", err)
	}
	for amount, want := range map[string]agent.Cents{"540310.": 1000, "540210": 1000, "54041.50": 150, "540800010.00": 1000, "5403.73": 73} {
		if err := pix.Check(sealed(body+amount+tail), want); err != nil {
			t.Errorf("%s: %v", amount, err)
		}
		if err := pix.Check(sealed(body+amount+tail), want+1); !errors.Is(err, pix.ErrAmount) {
			t.Errorf("%s, a cent more: %v", amount, err)
		}
	}
	if err := pix.Check(unpriced, 7725); err != nil {
		t.Errorf("a code without an amount: %v", err)
	}
}

func TestStaticCodesAreBuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := pix.Static{
			Key: rapid.StringMatching(`[a-z0-9@.+-]{1,40}`).Draw(t, "key"), Name: rapid.StringMatching(`[A-Z][A-Z ]{0,23}[A-Z]`).Draw(t, "name"),
			City: rapid.StringMatching(`[A-Z]{1,15}`).Draw(t, "city"), Amount: agent.Cents(rapid.Int64Range(0, 999_999_999).Draw(t, "amount")),
			TxID: rapid.StringMatching(`[a-zA-Z0-9]{0,25}`).Draw(t, "txid"), Description: rapid.StringMatching(`[a-z ]{0,30}`).Draw(t, "description"),
		}
		text, err := pix.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pix.Parse(text)
		if err != nil || got.Key != s.Key || got.Name != s.Name || got.City != s.City || got.Amount != s.Amount || got.TxID != s.TxID || got.Priced != (s.Amount > 0) {
			t.Fatalf("%q: got %+v %v, want %+v", text, got, err, s)
		}
	})
	right := pix.Static{Key: "k", Name: "N", City: "C"}
	for name, change := range map[string]func(*pix.Static){
		"no key": func(s *pix.Static) { s.Key = "" }, "a name with accents": func(s *pix.Static) { s.Name = "PÃO" }, "a long city": func(s *pix.Static) { s.City = "SAO BERNARDO DO CAMPO" },
		"negative": func(s *pix.Static) { s.Amount = -1 }, "a txid with a dash": func(s *pix.Static) { s.TxID = "a-b" }, "a long description": func(s *pix.Static) { s.Description = strings.Repeat("x", 73) },
	} {
		wrong := right
		change(&wrong)
		if text, err := pix.Build(wrong); err == nil {
			t.Errorf("%s: built %q", name, text)
		}
	}
}

// TestDrawingsAreReadBack decodes them with another library than the one that draws.
func TestDrawingsAreReadBack(t *testing.T) {
	for name, text := range map[string]string{"short": priced, "the longest": strings.Repeat("0123456789ABCDEF", 32)} {
		for _, scale := range []int{2, 4, pix.DefaultScale, pix.MaxScale} {
			drawn, err := pix.PNG(text, scale)
			if err != nil {
				t.Fatal(err)
			}
			picture, err := png.Decode(bytes.NewReader(drawn))
			if err != nil {
				t.Fatal(err)
			}
			if quiet := 4 * scale; !dark(picture, quiet, quiet) || !dark(picture, quiet+scale-1, quiet+7*scale-1) || dark(picture, quiet-1, quiet-1) {
				t.Errorf("%s at %d: the corner does not begin after four modules of quiet, each as wide as the scale", name, scale)
			}
			bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
			if err != nil {
				t.Fatal(err)
			}
			read, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
			if err != nil || read.GetText() != text {
				t.Errorf("%s at %d: read %v %v", name, scale, read, err)
			}
		}
	}
	if _, err := pix.PNG(priced, 0); err == nil {
		t.Error("a scale of 0 was drawn")
	}
}

// dark tells that a point of a drawing is black.
func dark(drawn image.Image, x, y int) bool {
	r, _, _, _ := drawn.At(x, y).RGBA()
	return r == 0
}

// FuzzParse: whatever a cloud says, the reader ends, and what it takes is what stands there.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{priced, unpriced, body, "0002", "6304"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, err := pix.Parse(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, field := range code.Fields {
			again.WriteString(field.ID)
			again.WriteByte('0' + byte(len(field.Value)/10))
			again.WriteByte('0' + byte(len(field.Value)%10))
			again.WriteString(field.Value)
		}
		if again.String() != text {
			t.Fatalf("%q was read as %q", text, again.String())
		}
	})
}
