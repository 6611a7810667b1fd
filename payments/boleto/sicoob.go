package boleto

import "fmt"

// Sicoob is the bank's number.
const Sicoob = "756"

// SicoobField is what stands in the free field of its barcodes (boleto.md 8.1).
type SicoobField struct {
	Portfolio   int // carteira
	Cooperative int // four digits
	Modality    int // modalidade
	Client      int // numeroCliente, seven digits
	NossoNumero int // with its check digit
	Parcel      int
}

// ReadSicoob reads the free field of a barcode of 44; false for another bank's, or where the check digit is not right.
func ReadSicoob(barcode string) (SicoobField, bool) {
	if len(barcode) != 44 || barcode[:3] != Sicoob || !digitsOnly(barcode) {
		return SicoobField{}, false
	}
	f := SicoobField{
		Portfolio: number(barcode[19:20]), Cooperative: number(barcode[20:24]), Modality: number(barcode[24:26]),
		Client: number(barcode[26:33]), NossoNumero: number(barcode[33:41]), Parcel: number(barcode[41:44]),
	}
	return f, NossoDigit(f.Cooperative, f.Client, f.NossoNumero/10) == f.NossoNumero%10
}

// Free writes a free field.
func (f SicoobField) Free() string {
	return fmt.Sprintf("%01d%04d%02d%07d%08d%03d", f.Portfolio, f.Cooperative, f.Modality, f.Client, f.NossoNumero, f.Parcel)
}

// NossoDigit is the check digit of Sicoob's nosso número: weights 3, 1, 9, 7 from the left over cooperative, client and
// number, modulo 11 (boleto.md 8.4).
func NossoDigit(cooperative, client, nosso int) int {
	weights := [4]int{3, 1, 9, 7}
	sum := 0
	for i, c := range fmt.Sprintf("%04d%010d%07d", cooperative, client, nosso) {
		sum += int(c-'0') * weights[i%4]
	}
	if rest := sum % 11; rest > 1 {
		return 11 - rest
	}
	return 0
}
