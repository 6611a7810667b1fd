package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// Verification is what a signature says of the files beside it.
type Verification struct {
	Shop    string    `json:"shop"`
	Till    string    `json:"till"`
	By      Signature `json:"by"`
	Issuer  string    `json:"issuer,omitempty"` // of the shop's certificate; whether it is trusted is not looked at
	At      time.Time `json:"at"`               // by the clock of the machine that signed
	Checked []string  `json:"checked"`          // names of the files that were held against the signature
	Absent  []string  `json:"absent,omitempty"` // those that are not here
	Changes []string  `json:"changes"`          // Portuguese sentences; none: every file is as it was signed
}

// maxFile bounds a report's file, in bytes.
const maxFile = 64 << 20

// Verify holds a report's files against their signature, offline. The path is one of the four files, or the folder of one report.
// It proves that nothing changed since somebody who has the key of the fingerprint signed; a report that is not so is no error.
func Verify(path string) (*Verification, error) {
	files, err := find(path)
	if err != nil {
		return nil, err
	}
	content, err := osfile.ReadUpTo(files.Signed, maxFile)
	if err != nil {
		return nil, unreadable(files.Signed, err)
	}
	signed, err := openSigned(content)
	switch {
	case errors.Is(err, errBroken):
		return nil, agent.Errorf(agent.CodeInvalid, nil, "A assinatura de %s não confere: o arquivo foi alterado, e nada do que ele diz vale.", filepath.Base(files.Signed))
	case err != nil:
		return nil, agent.Errorf(agent.CodeInvalid, nil, "%s não é uma assinatura PKCS#7 que se possa ler.", filepath.Base(files.Signed))
	}
	var s seal
	if err := strict(signed.content, &s); err != nil || s.Version != Version {
		return nil, agent.Errorf(agent.CodeInvalid, nil, "O que %s assina não é um relatório de homologação desta versão.", filepath.Base(files.Signed))
	}
	v := &Verification{Shop: s.Shop, Till: s.Till, At: signed.at, By: Signature{Made: s.By.Made, Fingerprint: fingerprint(signed.leaf)}, Changes: []string{}, Checked: []string{}}
	if !v.By.Made {
		v.By.Subject, v.Issuer = signed.leaf.Subject.CommonName, signed.leaf.Issuer.CommonName
	}
	for _, file := range []struct {
		path, hash string
		differ     func(content []byte, name string) []string
	}{{files.JSON, s.JSON, v.json(&s)}, {files.HTML, s.HTML, s.html}, {files.PDF, s.PDF, s.pdf}} {
		if err := v.check(file.path, file.hash, file.differ); err != nil {
			return nil, err
		}
	}
	if len(v.Checked) == 0 {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Ao lado de %s não há relatório: faltam %s.", filepath.Base(files.Signed), strings.Join(v.Absent, ", "))
	}
	return v, nil
}

// check holds one file against the signature.
func (v *Verification) check(path, signed string, differ func([]byte, string) []string) error {
	name := filepath.Base(path)
	content, err := osfile.ReadUpTo(path, maxFile)
	if errors.Is(err, os.ErrNotExist) {
		v.Absent = append(v.Absent, name)
		return nil
	}
	if err != nil {
		return unreadable(path, err)
	}
	v.Checked = append(v.Checked, name)
	changes := differ(content, name)
	if hash(content) != signed && len(changes) == 0 {
		changes = []string{fmt.Sprintf("%s não é byte a byte o que foi assinado; a mudança está fora dos itens e da capa.", name)}
	}
	v.Changes = append(v.Changes, changes...)
	return nil
}

// json gives what tells an edited JSON from the signed one; and a cover that names another key than signed.
func (v *Verification) json(s *seal) func([]byte, string) []string {
	return func(content []byte, name string) []string {
		if hash(content) == s.JSON {
			report, err := Parse(content)
			if err != nil || report.Cover.Signature.Fingerprint != v.By.Fingerprint {
				return []string{fmt.Sprintf("A capa de %s mostra a impressão digital de outra chave: quem assinou não é quem ela diz.", name)}
			}
			return nil
		}
		found, err := partsOfJSON(content)
		if err != nil {
			return []string{fmt.Sprintf("%s foi alterado e não se lê mais como um relatório.", name)}
		}
		return s.differ(found, name, func(item sealedItem) string { return item.JSON })
	}
}

func (s *seal) html(content []byte, name string) []string {
	if hash(content) == s.HTML {
		return nil
	}
	return s.differ(partsOfHTML(content), name, func(item sealedItem) string { return item.HTML })
}

func (s *seal) pdf(content []byte, name string) []string {
	if hash(content) == s.PDF {
		return nil
	}
	found := pagesOfPDF(content, len(s.Pages))
	if len(found) < len(s.Pages) {
		return []string{fmt.Sprintf("%s foi alterado: as páginas dele não se acham mais como foram assinadas.", name)}
	}
	var changes []string
	for i, page := range s.Pages {
		switch {
		case page.Hash == found[i]:
		case len(page.Items) == 0:
			changes = append(changes, fmt.Sprintf("A página %d de %s foi alterada.", i+1, name))
		default:
			changes = append(changes, fmt.Sprintf("A página %d de %s foi alterada; nela estão: %s.", i+1, name, strings.Join(page.Items, ", ")))
		}
	}
	return changes
}

// partWords are the parts of a file in sentences.
func partWords(name string) string {
	return map[string]string{
		"version": "A versão", "cover": "A capa", "stages": "A lista de etapas", "summary": "O resumo", "lists": "O resumo, ou a lista de verificação,", "between": "Um título entre os itens",
	}[name]
}

// differ tells the parts of a file that are not as they were signed.
func (s *seal) differ(found *parts, name string, of func(sealedItem) string) []string {
	var changes, order []string
	change := func(format string, args ...any) { changes = append(changes, fmt.Sprintf(format, args...)) }
	for _, part := range s.Parts {
		if part.File == found.file && found.others[part.Name] != part.Hash {
			change("%s de %s mudou depois da assinatura.", partWords(part.Name), name)
		}
	}
	for _, item := range s.Items {
		order = append(order, item.ID)
		switch now, here := found.items[item.ID]; {
		case !here:
			change("O item %s foi retirado de %s; ele foi assinado como %s.", item.ID, name, item.Verdict.Words())
		case now != of(item):
			change("O item %s foi alterado em %s; ele foi assinado como %s.", item.ID, name, item.Verdict.Words())
		}
	}
	for i, id := range found.order {
		if !slices.Contains(order, id) || slices.Contains(found.order[:i], id) {
			change("O item %s de %s não estava no relatório assinado.", id, name)
		}
	}
	if len(changes) == 0 && !slices.Equal(order, found.order) {
		change("Os itens de %s estão em outra ordem.", name)
	}
	return changes
}

// find gives the four files that a path means.
func find(path string) (Files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Files{}, agent.Errorf(agent.CodeNotFound, err, "%s não foi achado.", path)
	}
	if !info.IsDir() {
		ends := filepath.Ext(path)
		if !slices.Contains([]string{endJSON, endHTML, endPDF, endSigned}, ends) {
			return Files{}, agent.Errorf(agent.CodeInvalid, nil, "%s não é um arquivo de relatório (.json, .html, .pdf ou .p7m).", filepath.Base(path))
		}
		files := named(filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), ends))
		if _, err := os.Stat(files.Signed); err != nil {
			return Files{}, agent.Errorf(agent.CodeNotFound, nil, "Falta a assinatura, %s, ao lado de %s.", filepath.Base(files.Signed), filepath.Base(path))
		}
		return files, nil
	}
	signed, err := filepath.Glob(filepath.Join(path, "*"+endSigned))
	if err != nil || len(signed) != 1 {
		return Files{}, agent.Errorf(agent.CodeInvalid, nil, "Na pasta %s há %s; informe o arquivo de um relatório.", path, plural(len(signed), "assinatura", "assinaturas"))
	}
	return named(path, strings.TrimSuffix(filepath.Base(signed[0]), endSigned)), nil
}

func unreadable(path string, err error) error {
	return agent.Errorf(agent.CodeInvalid, err, "%s não pôde ser lido.", path)
}
