package doctor

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// Bounds of a bundle, in bytes: the running agent makes one in its memory.
const (
	maxItem   = 16 << 20
	MaxBundle = 32 << 20

	bookkeeping = 1 << 20 // of it, for the zip's own and what the compression still holds
)

// Item is one file of a bundle.
type Item struct {
	Name  string
	About string // Portuguese, for the bundle's README
	Write func(w io.Writer) error
}

// Bundle writes a zip of the items and a README that describes each. An item that fails is in the zip as a text with the
// error, one that is too long with its beginning.
func Bundle(w io.Writer, at time.Time, items []Item) error {
	out := &counted{Writer: w}
	archive := zip.NewWriter(out)
	var readme bytes.Buffer
	fmt.Fprintf(&readme, "Pacote de suporte do pdvagent, de %s.\r\n\r\nNenhum arquivo tem CPF, CNPJ, nome, telefone, token ou dados de cartão: o que podia ter está mascarado.\r\n\r\n",
		at.Format("02/01/2006 15:04:05 -0700"))
	for _, item := range items {
		name, about, content := item.content()
		if out.n+int64(content.Len()) > MaxBundle-bookkeeping { // what it could take at most
			fmt.Fprintf(&readme, "%-24s não coube no pacote: %s\r\n", name, about)
			continue
		}
		fmt.Fprintf(&readme, "%-24s %s\r\n", name, about)
		if err := errors.Join(add(archive, name, at, content), archive.Flush()); err != nil {
			return err
		}
	}
	if err := add(archive, "LEIA-ME.txt", at, &readme); err != nil {
		return err
	}
	return archive.Close()
}

// content is what the item has in the zip, and under which name.
func (i Item) content() (name, about string, content *bytes.Buffer) {
	begin := &bounded{left: maxItem}
	switch err := i.Write(begin); {
	case errors.Is(err, errTooLong):
		return i.Name, i.About + fmt.Sprintf(" (só os primeiros %d MB)", maxItem>>20), &begin.text
	case err != nil:
		content = new(bytes.Buffer)
		fmt.Fprintf(content, "Não foi possível obter: %v\r\n", err)
		return i.Name + ".erro.txt", i.About, content
	}
	return i.Name, i.About, &begin.text
}

var errTooLong = errors.New("longer than an item may be")

// bounded is a buffer that takes only so much.
type bounded struct {
	text bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n, _ := b.text.Write(p[:min(len(p), b.left)]) // never fails
	b.left -= n
	if n < len(p) {
		return n, errTooLong
	}
	return n, nil
}

// counted counts what it writes.
type counted struct {
	io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

// add writes one file of the archive.
func add(archive *zip.Writer, name string, at time.Time, content io.Reader) error {
	file, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return err
}
