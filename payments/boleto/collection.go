package boleto

import (
	"fmt"

	"pdvagent/agent"
)

// collectionBarcode takes the four check digits out of a collection slip's line.
func collectionBarcode(line string) (string, error) {
	barcode := ""
	for i := range 4 {
		block := line[i*12 : i*12+12]
		if want := collectionDigit(line[2], block[:11]); block[11] != want {
			return "", wrong(fmt.Sprintf("bloco %d", i+1), "O dígito de %s-%c deveria ser %c: algum número deste bloco foi trocado.", block[:11], block[11], want)
		}
		barcode += block[:11]
	}
	return barcode, nil
}

// collectionDigit is a check digit by the module that the slip's third digit names (boleto.md 8.3).
func collectionDigit(module byte, digits string) byte {
	if module == '6' || module == '7' {
		return mod10(digits)
	}
	switch rest := mod11(digits); rest {
	case 0, 1:
		return '0'
	case 10:
		return '1'
	default:
		return byte('0' + 11 - rest)
	}
}

func readCollection(barcode string) (Slip, error) {
	module := barcode[2]
	if module < '6' || module > '9' {
		return Slip{}, wrong("barcode", "A 3ª posição é %c; em uma conta ou tributo é 6, 7, 8 ou 9.", module)
	}
	if want := collectionDigit(module, barcode[:3]+barcode[4:]); barcode[3] != want {
		return Slip{}, wrong("dígito geral", "O dígito geral (4ª posição) é %c e deveria ser %c: algum número do código foi trocado.", barcode[3], want)
	}
	slip := Slip{Kind: KindCollection, Barcode: barcode, Segment: number(barcode[1:2]), Company: barcode[15:19], Amount: agent.Cents(number(barcode[4:15]))}
	if slip.Segment == 6 {
		slip.Company = barcode[15:23]
	}
	if module == '7' || module == '9' {
		slip.NoValue, slip.Amount = true, 0 // a reference, not reais
	}
	slip.NoValue = slip.NoValue || slip.Amount == 0
	for i := range 4 {
		block := barcode[i*11 : i*11+11]
		slip.Line += block + string(collectionDigit(module, block))
	}
	return slip, nil
}
