package mask

import (
	_ "embed"
	"iter"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// wordList is the words that programs, clouds and shops use. None of them is common as a person's name.
//
//go:embed words.txt
var wordList string

var vocabulary = sync.OnceValue(func() map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(wordList) {
		set[word] = true
	}
	return set
})

// usualWord tells whether a word in small letters is one that programs use; one of two letters always is.
func usualWord(word string) bool { return utf8.RuneCountInString(word) <= 2 || vocabulary()[word] }

// wordsOf gives the words of a text in small letters: runs of letters, the parts of camelCase each.
func wordsOf(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, small := -1, false
		for i, r := range text + " " {
			letter := unicode.IsLetter(r) || unicode.IsMark(r)
			if start >= 0 && (!letter || small && unicode.IsUpper(r)) {
				if !yield(strings.ToLower(text[start:i])) {
					return
				}
				start = -1
			}
			if letter && start < 0 {
				start = i
			}
			small = unicode.IsLower(r)
		}
	}
}

// onlyWords tells whether a text is made of usual words, ASCII digits and separators.
func onlyWords(text, separators string) bool {
	for _, r := range text {
		if !unicode.IsLetter(r) && (r < '0' || r > '9') && !strings.ContainsRune(separators, r) {
			return false
		}
	}
	for word := range wordsOf(text) {
		if !usualWord(word) {
			return false
		}
	}
	return true
}

// Text masks a message of a cloud or a program: long numbers, also with letters in them, and all words but usual ones, which
// may be names. A long text is cut.
func Text(text string) string {
	const most = 300
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // unseen: it would split a word or a number
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	text = longNumber.ReplaceAllStringFunc(text, stars)
	return token.ReplaceAllStringFunc(text, func(token string) string {
		letters, digits := 0, 0
		for _, r := range token {
			if unicode.IsNumber(r) || r == '*' {
				digits++
			} else if unicode.IsLetter(r) {
				letters++
			}
		}
		first, _ := utf8.DecodeRuneInString(token)
		switch {
		case digits > 0 && letters > 0 && letters+digits >= 8 && !isFieldPath(token):
			return stars(token)
		case unicode.IsUpper(first) && !usual(strings.ToLower(token)), !usualToken(token):
			return "[…]"
		}
		return token
	})
}

// usualToken tells whether all words of a token are usual.
func usualToken(token string) bool {
	for word := range wordsOf(token) {
		if !usualWord(word) {
			return false
		}
	}
	return true
}

func stars(text string) string { return strings.Repeat("*", utf8.RuneCountInString(text)) }

var (
	// longNumber is five digits or more of any script, with the punctuation people write between them.
	longNumber = regexp.MustCompile(`\pN(?:[^\pL\pN()\[\]{};:]{0,3}\pN){4,}`)
	token      = regexp.MustCompile(`[\pL\pN*](?:[\pL\pM\pN*_./-]*[\pL\pM\pN*])?`)
)

// usual is the allow-list of words with a capital in refusals: any other may be a name.
func usual(word string) bool {
	switch word {
	case "a", "o", "as", "os", "um", "uma", "não", "nao", "já", "ja", "erro", "falha", "campo", "campos", "cliente", "cupom", "transação", "transacao",
		"venda", "documento", "token", "loja", "item", "itens", "produto", "produtos", "operador", "data", "hora", "valor", "total", "limite",
		"formato", "tamanho", "inválido", "invalido", "inválida", "invalida", "obrigatório", "obrigatorio", "cadastro", "acesso", "cpf", "cnpj",
		"json", "http", "id", "uuid", "pdv", "sku", "ean", "api", "url", "the", "an", "no", "not", "is", "invalid", "missing", "required",
		"unknown", "unexpected", "error", "internal", "server", "service", "unavailable", "bad", "gateway", "timeout", "request", "unauthorized",
		"forbidden", "found", "conflict", "duplicate", "duplicated", "too", "many", "requests", "entity", "payload", "large", "unprocessable",
		"validation", "failed", "coupon", "transaction", "client", "customer", "document", "field", "value", "method", "allowed", "session", "access",
		"denied", "body", "sale", "product":
		return true
	}
	return false
}
