package agent

// NoteCode names a kind of [Note]. The codes are on disk with the jobs.
type NoteCode string

// The kinds of note.
const (
	NoteRounded    NoteCode = "rounded"         // an amount had more than three decimals
	NoteNumberText NoteCode = "number_as_text"  // a code came as a number: zeros at its start may be lost
	NoteQuantity   NoteCode = "quantity"        // a quantity of zero or less
	NoteNegative   NoteCode = "negative"        // an amount below zero
	NoteTender     NoteCode = "negative_tender" // a tender below zero, such as change
	NoteAbove      NoteCode = "above_total"     // more with the discount than without: a surcharge
	NoteLine       NoteCode = "line_sum"        // a line is not quantity times price
	NoteTotal      NoteCode = "total_sum"       // the total is not the sum of the lines
	NoteNet        NoteCode = "net_sum"         // the same of the total with discount
	NoteSurcharge  NoteCode = "surcharge"       // more was paid than the total, and not in cash
	NoteShort      NoteCode = "short"           // some cents less were paid than the total
	NoteClock      NoteCode = "clock"           // the receipt's date is far from today
	NoteMended     NoteCode = "mended"          // the body was almost JSON, or a text in it almost a number
)

// NoteCodes lists the kinds in the order of listings.
func NoteCodes() []NoteCode {
	return []NoteCode{
		NoteRounded, NoteNumberText, NoteQuantity, NoteNegative, NoteTender, NoteAbove, NoteLine, NoteTotal, NoteNet, NoteSurcharge,
		NoteShort, NoteClock, NoteMended,
	}
}

// Detail is the kind in words for people, in Portuguese; empty for an unknown code.
func (c NoteCode) Detail() string {
	switch c {
	case NoteRounded:
		return "Valor com mais de três casas decimais, lido arredondado."
	case NoteNumberText:
		return "Código enviado como número; zeros à esquerda, se havia, se perderam. Envie entre aspas."
	case NoteQuantity:
		return "Quantidade igual a zero ou negativa."
	case NoteNegative:
		return "Valor negativo na venda ou em um item."
	case NoteTender:
		return "Pagamento com valor negativo (troco lançado como pagamento?)."
	case NoteAbove:
		return "O valor com desconto é maior que o valor sem desconto (acréscimo?)."
	case NoteLine:
		return "O total do item não é quantidade vezes valor unitário."
	case NoteTotal:
		return "O total da venda não é a soma dos itens."
	case NoteNet:
		return "O total com desconto não é a soma dos itens com desconto."
	case NoteSurcharge:
		return "Os pagamentos, sem dinheiro, somam mais que o total com desconto (acréscimo?)."
	case NoteShort:
		return "Os pagamentos somam alguns centavos menos que o total com desconto."
	case NoteClock:
		return "A data do cupom está longe da data de hoje. Confira o relógio do caixa."
	case NoteMended:
		return "O corpo não era bem JSON (vírgula, comentário, número ou fim errados) e foi consertado."
	}
	return ""
}

// Note is something that a person may want to know of a sale that was accepted. It holds no value of the sale.
type Note struct {
	Code  NoteCode `json:"code"`
	Field string   `json:"field,omitempty"` // the first one that it is about
	Count int      `json:"count,omitempty"` // of fields, where there is more than one
}

// AddNote adds a note, once per kind: further fields are counted.
func AddNote(notes []Note, code NoteCode, field string) []Note {
	for i := range notes {
		if notes[i].Code == code {
			notes[i].Count = max(notes[i].Count, 1) + 1
			return notes
		}
	}
	return append(notes, Note{Code: code, Field: field})
}
