package rawjson

// scanner finds the ends of tokens, and takes what RFC 8259 takes. The text is UTF-8.
type scanner struct {
	text []byte
	at   int
}

// space steps over blanks and gives the byte behind them, 0 at the text's end.
func (s *scanner) space() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// str steps over a string.
func (s *scanner) str() error {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c < ' ':
			return ErrMalformed
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		}
	}
	return ErrMalformed
}

// escape steps from a backslash to the last byte of what it begins.
func (s *scanner) escape() error {
	if s.at++; s.at >= len(s.text) {
		return ErrMalformed
	}
	switch s.text[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return ErrMalformed
	}
	for range 4 {
		if s.at++; s.at >= len(s.text) || !isHex(s.text[s.at]) {
			return ErrMalformed
		}
	}
	return nil
}

// number steps over a number.
func (s *scanner) number() error {
	s.skip('-', '-')
	ok := s.skip('0', '0') || s.digits()
	if ok && s.skip('.', '.') {
		ok = s.digits()
	}
	if ok && s.skip('e', 'E') {
		_ = s.skip('+', '-')
		ok = s.digits()
	}
	if !ok {
		return ErrMalformed
	}
	return nil
}

// skip steps over a byte that is one of two, and tells whether it was there.
func (s *scanner) skip(a, b byte) bool {
	if s.at >= len(s.text) || s.text[s.at] != a && s.text[s.at] != b {
		return false
	}
	s.at++
	return true
}

// digits steps over digits, and tells whether there is one.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && isDigit(s.text[s.at]) {
		s.at++
	}
	return s.at > start
}

// word steps over the word that begins with a letter: true, false or null.
func (s *scanner) word(first byte) error {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := s.at + len(word); word[0] == first && end <= len(s.text) && string(s.text[s.at:end]) == word {
			s.at = end
			return nil
		}
	}
	return ErrMalformed
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
