package doctor

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"time"
)

// Item is one file of a bundle.
type Item struct {
	Name  string
	About string // Portuguese, for the bundle's README
	Write func(w io.Writer) error
}

// Bundle writes a zip of the items and a README that describes each. An item that fails is in the zip as a text with the
// error.
func Bundle(w io.Writer, at time.Time, items []Item) error {
	archive := zip.NewWriter(w)
	var readme bytes.Buffer
	fmt.Fprintf(&readme, "Pacote de suporte do pdvagent, de %s.\r\n\r\nNenhum arquivo tem CPF, CNPJ, nome, telefone, token ou dados de cartão: o que podia ter está mascarado.\r\n\r\n",
		at.Format("02/01/2006 15:04:05 -0700"))
	for _, item := range items {
		var content bytes.Buffer
		name := item.Name
		if err := item.Write(&content); err != nil {
			name += ".erro.txt"
			content.Reset()
			fmt.Fprintf(&content, "Não foi possível obter: %v\r\n", err)
		}
		fmt.Fprintf(&readme, "%-24s %s\r\n", name, item.About)
		if err := add(archive, name, at, &content); err != nil {
			return err
		}
	}
	if err := add(archive, "LEIA-ME.txt", at, &readme); err != nil {
		return err
	}
	return archive.Close()
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
