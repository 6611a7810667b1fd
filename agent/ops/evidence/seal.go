package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"pdvagent/agent/osfile"
)

// The files of a report are named alike and end in one of these.
const (
	endJSON   = ".json"
	endHTML   = ".html"
	endPDF    = ".pdf"
	endSigned = ".p7m" // of a signature that holds what it signs
)

// seal is what is signed: the hash of each file, and of each part of them, so that an edited one tells where. A hash is SHA-256,
// hexadecimal.
type seal struct {
	Version int          `json:"version"`
	Shop    string       `json:"shop"`
	Till    string       `json:"till"`
	By      Signature    `json:"by"`
	JSON    string       `json:"json"` // of the file
	HTML    string       `json:"html"`
	PDF     string       `json:"pdf"`
	Parts   []sealedPart `json:"parts"` // of the JSON's members and of the page, without the items
	Items   []sealedItem `json:"items"`
	Pages   []sealedPage `json:"pages"` // of the PDF
}

type sealedPart struct {
	File string `json:"file"` // json or html
	Name string `json:"name"`
	Hash string `json:"hash"`
}

type sealedItem struct {
	ID      string  `json:"id"`
	Verdict Verdict `json:"verdict"`
	JSON    string  `json:"json"` // of its member, compacted
	HTML    string  `json:"html"` // of its article
}

type sealedPage struct {
	Items []string `json:"items,omitempty"` // that stand on it
	Hash  string   `json:"hash"`
}

// Files are the paths of a report's files.
type Files struct{ JSON, HTML, PDF, Signed string }

func named(dir, name string) Files {
	path := filepath.Join(dir, name)
	return Files{JSON: path + endJSON, HTML: path + endHTML, PDF: path + endPDF, Signed: path + endSigned}
}

// Write writes the four files of a report into a folder: name.json, .html, .pdf, and .p7m, the signature. The cover gets the
// signer's fingerprint. The report's files are the same bytes for the same report and signer; the signature is not, it has the
// time.
func Write(dir, name string, report Report, signer *Signer) (Files, error) {
	report.Cover.Signature = signer.Signature()
	files := named(dir, name)
	var text, page, pdf []byte
	var pages []sealedPage
	var err error
	if text, err = report.JSON(); err == nil {
		if page, err = report.HTML(); err == nil {
			pdf, pages, err = report.pdf()
		}
	}
	if err != nil {
		return files, err
	}
	content, err := encode(report.seal(text, page, pdf, pages))
	if err != nil {
		return files, err
	}
	signed, err := signer.sign(content)
	if err != nil {
		return files, err
	}
	if err := osfile.Remove(files.Signed); err != nil { // the one of before would call the new files edited
		return files, err
	}
	for _, file := range []struct {
		path    string
		content []byte
	}{{files.JSON, text}, {files.HTML, page}, {files.PDF, pdf}, {files.Signed, signed}} {
		if err := osfile.WriteNew(file.path, file.content); err != nil {
			return files, err
		}
	}
	return files, nil
}

// seal takes every hash of a report's files, by the way in which they are read back.
func (r *Report) seal(text, page, pdf []byte, pages []sealedPage) *seal {
	s := &seal{Version: Version, Shop: r.Cover.Shop, Till: r.Cover.Till, By: r.Cover.Signature, JSON: hash(text), HTML: hash(page), PDF: hash(pdf), Pages: pages}
	inText, _ := partsOfJSON(text) // of our own JSON
	inPage := partsOfHTML(page)
	for _, item := range r.Items {
		s.Items = append(s.Items, sealedItem{ID: item.ID, Verdict: item.Verdict, JSON: inText.items[item.ID], HTML: inPage.items[item.ID]})
	}
	for _, parts := range []*parts{inText, inPage} {
		for _, name := range parts.names {
			s.Parts = append(s.Parts, sealedPart{File: parts.file, Name: name, Hash: parts.others[name]})
		}
	}
	return s
}

// parts are the hashes of what a file consists of.
type parts struct {
	file   string
	items  map[string]string // by the item's id
	order  []string          // the ids, as they stand
	others map[string]string
	names  []string // of the others, as they stand
}

func newParts(file string) *parts {
	return &parts{file: file, items: make(map[string]string), others: make(map[string]string)}
}

func (p *parts) item(id, hash string) {
	p.items[id] = hash
	p.order = append(p.order, id)
}

func (p *parts) other(name, hash string) {
	p.others[name] = hash
	p.names = append(p.names, name)
}

// partsOfJSON takes a report's JSON apart. It reads an edited one, too, as far as it is JSON with items that have an id.
func partsOfJSON(text []byte) (*parts, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(members["items"], &items); err != nil {
		return nil, err
	}
	p := newParts("json")
	for _, raw := range items {
		var named struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(raw, &named); err != nil {
			return nil, err
		}
		p.item(named.ID, compacted(raw))
	}
	for _, name := range []string{"version", "cover", "stages", "summary"} {
		p.other(name, compacted(members[name]))
	}
	for name := range members {
		if _, known := p.others[name]; !known && name != "items" {
			return nil, fmt.Errorf("an unknown member %q", name)
		}
	}
	return p, nil
}

// compacted is the hash of a JSON value whatever the space in it.
func compacted(raw json.RawMessage) string {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return ""
	}
	return hash(out.Bytes())
}

// partsOfHTML takes a report's page apart.
func partsOfHTML(page []byte) *parts {
	p := newParts("html")
	head, rest, _ := strings.Cut(string(page), "</header>\n")
	lists, rest, _ := strings.Cut(rest, "<section id=\"itens\"")
	p.other("cover", hash([]byte(head)))
	p.other("lists", hash([]byte(lists)))
	var between strings.Builder
	for {
		before, article, found := strings.Cut(rest, itemStarts)
		between.WriteString(before)
		if !found {
			break
		}
		id, _, _ := strings.Cut(article, `"`)
		article, rest, _ = strings.Cut(article, itemEnds)
		p.item(id, hash([]byte(article)))
	}
	p.other("between", hash([]byte(between.String())))
	return p
}

// pageStream finds the streams of a PDF as we write them; those of its pages come first, in their order.
var pageStream = regexp.MustCompile(`(?s)\nstream\n(.*?)\nendstream\n`)

// pagesOfPDF are the hashes of the first pages of a PDF; fewer where it has fewer.
func pagesOfPDF(pdf []byte, count int) []string {
	var hashes []string
	for _, found := range pageStream.FindAllSubmatch(pdf, count) {
		hashes = append(hashes, hash(found[1]))
	}
	return hashes
}

var errNoPages = errors.New("the PDF does not hold its pages as it should")

// sealPages takes the hash of each page with the items on it.
func sealPages(pdf []byte, on map[string][2]int, items []Item, count int) ([]sealedPage, error) {
	hashes := pagesOfPDF(pdf, count)
	if len(hashes) != count {
		return nil, errNoPages
	}
	pages := make([]sealedPage, count)
	for i := range pages {
		pages[i].Hash = hashes[i]
		for _, item := range items {
			if first, last := on[item.ID][0], on[item.ID][1]; first <= i+1 && i+1 <= last {
				pages[i].Items = append(pages[i].Items, item.ID)
			}
		}
	}
	return pages, nil
}
