package sicoob

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// What a file may be (SEC-16). A file of 500,000 records is about 20 MiB packed and 330 MiB unpacked.
const (
	maxPacked   = 32 << 20 // of base64
	maxUnpacked = 1 << 30
	maxRatio    = 150
	maxEntries  = 64
	maxCNAB     = 64 << 20 // is read whole
)

// bad says what is wrong with a file, in words for people.
func bad(detail, format string, args ...any) error {
	f := payments.Misread(detail)
	f.Says = fmt.Sprintf(format, args...)
	return f
}

// openArchive opens a ZIP, also one whose bytes were taken for Latin-1 letters and written as UTF-8 (sicoob.md 5.3).
func openArchive(packed *pieces) (*zip.Reader, error) {
	archive, err := zip.NewReader(packed, packed.size)
	if err == nil || errors.Is(err, zip.ErrInsecurePath) {
		return archive, nil
	}
	repaired, ok := latin1(packed)
	if !ok {
		return nil, bad("zip: "+err.Error(), "O arquivo do Sicoob não é um ZIP inteiro.")
	}
	archive, err = zip.NewReader(repaired, repaired.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, bad("zip, after repair: "+err.Error(), "O arquivo do Sicoob não é um ZIP inteiro.")
	}
	return archive, nil
}

// latin1 gives the bytes that letters up to U+00FF stand for; false where the text has others or is no text.
func latin1(text *pieces) (*pieces, bool) {
	plain := new(pieces)
	r := bufio.NewReader(io.NewSectionReader(text, 0, text.size))
	one := make([]byte, 1)
	for {
		letter, size, err := r.ReadRune()
		if err != nil {
			return plain, true
		}
		if letter > 0xff || letter == utf8.RuneError && size == 1 {
			return nil, false
		}
		one[0] = byte(letter)
		_, _ = plain.Write(one) // it always can
	}
}

// pieces is bytes in memory that grow without being copied.
type pieces struct {
	list [][]byte
	size int64
}

const pieceSize = 256 << 10

func (p *pieces) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if p.size%pieceSize == 0 {
			p.list = append(p.list, make([]byte, pieceSize))
		}
		done := copy(p.list[len(p.list)-1][p.size%pieceSize:], b)
		p.size += int64(done)
		b = b[done:]
	}
	return n, nil
}

// ReadAt implements io.ReaderAt.
func (p *pieces) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		if at >= p.size {
			return n, io.EOF
		}
		piece := p.list[at/pieceSize][at%pieceSize:]
		done := copy(b[n:], piece[:min(int64(len(piece)), p.size-at)])
		n, at = n+done, at+int64(done)
	}
	return n, nil
}

// readArchive gives every settlement of an archive, and counts the records of other movements. The whole of it is unpacked
// and checked before the first is given.
func readArchive(packed *pieces, each func(boleto.Return) error) (other int, err error) {
	archive, err := openArchive(packed)
	if err != nil {
		return 0, err
	}
	if err := guard(archive); err != nil {
		return 0, err
	}
	var left int64 = maxUnpacked
	for _, entry := range archive.File {
		n, err := inflate(entry, left)
		if err != nil {
			return 0, err
		}
		left -= n
	}
	for _, entry := range archive.File {
		n, err := readEntry(entry, each)
		if other += n; err != nil {
			return other, err
		}
	}
	return other, nil
}

// guard looks at the table of contents. No name is ever used as a path, so one in a folder is as good as any. One that
// would lead out of its folder is what no bank writes: the archive was tampered with.
func guard(archive *zip.Reader) error {
	if len(archive.File) > maxEntries {
		return bad("too many entries", "O ZIP do Sicoob tem %d arquivos dentro, mais do que pode ser verdade.", len(archive.File))
	}
	for _, entry := range archive.File {
		switch {
		case entry.Flags&1 != 0:
			return bad("encrypted entry", "O ZIP do Sicoob está protegido por senha e não foi aberto.")
		case leadsOut(entry.Name):
			return bad("entry name with a path", "O ZIP do Sicoob tem um arquivo com caminho no nome que sai da pasta e não foi aberto.")
		case entry.Method != zip.Store && entry.Method != zip.Deflate:
			return bad("entry by an unknown method", "O ZIP do Sicoob usa uma compressão que não é lida aqui.")
		}
	}
	return nil
}

// leadsOut tells a name that would be written elsewhere than below the folder where a ZIP is opened.
func leadsOut(name string) bool {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	return strings.ContainsAny(name, ":\x00") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, `\`) || slices.Contains(parts, "..")
}

// inflate reads an entry to its end, so that its check sum is looked at, and gives its size.
func inflate(entry *zip.File, left int64) (int64, error) {
	content, err := entry.Open()
	if err != nil {
		return 0, bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
	}
	defer func() { _ = content.Close() }() // what it can say was said by the read
	limit := min(left, int64(entry.CompressedSize64)*maxRatio+1<<10)
	n, err := io.Copy(io.Discard, io.LimitReader(content, limit+1))
	switch {
	case n > limit:
		return n, bad("zip bomb", "O ZIP do Sicoob incha demais ao ser aberto e foi recusado.")
	case err != nil:
		return n, bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
	}
	return n, nil
}

// readEntry reads JSON, or a CNAB file as the ticket expects one (sicoob.md 5.1).
func readEntry(entry *zip.File, each func(boleto.Return) error) (other int, err error) {
	content, err := entry.Open()
	if err != nil {
		return 0, bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
	}
	defer func() { _ = content.Close() }() // as above
	r := bufio.NewReaderSize(content, 64<<10)
	if head, _ := r.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = r.Discard(3) // they are there
	}
	for {
		head, err := r.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return 0, nil // an empty file, or a folder
		case err != nil:
			return 0, bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
		case strings.ContainsRune(" \t\r\n", rune(head[0])):
			_, _ = r.Discard(1) // it is there
			continue
		case head[0] == '[' || head[0] == '{':
			return readJSON(r, each)
		}
		return readCNAB(r, each)
	}
}

func readCNAB(r io.Reader, each func(boleto.Return) error) (other int, err error) {
	content, err := io.ReadAll(io.LimitReader(r, maxCNAB+1))
	layout := boleto.Layout(0)
	if err == nil && len(content) <= maxCNAB {
		layout = boleto.Sniff(content)
	}
	if layout == 0 {
		return 0, bad("neither JSON nor CNAB", "O arquivo do Sicoob não é JSON nem CNAB 240 ou 400. Guarde-o e fale com o suporte.")
	}
	var outer error
	other, err = boleto.ReadCNAB(layout, content, func(r boleto.Return) error { outer = each(r); return outer })
	if err != nil && outer == nil {
		return other, bad("CNAB: "+err.Error(), "O arquivo CNAB do Sicoob tem uma linha que não pode ser lida (%s).", err)
	}
	return other, err
}
