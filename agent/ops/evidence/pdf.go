package evidence

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/encoding/charmap"
)

// Measures of the PDF, in millimetres.
const (
	margin   = 16.0
	width    = 210 - 2*margin
	line     = 5.0  // of text
	small    = 4.2  // of headings and bodies
	together = 28.0 // what must fit below a heading for it to stay on its page
)

// sheet is a PDF that is being written. Its fonts are the standard ones, which every reader has, in windows-1252: they have all
// of Portuguese and cost no embedded font.
type sheet struct {
	*fpdf.Fpdf
	links map[string]int    // from the list to the items
	on    map[string][2]int // the item's first page and its last
}

// PDF gives the report as a PDF. Its dates are the report's, so the same report gives the same bytes.
func (r *Report) PDF() ([]byte, error) {
	text, _, err := r.pdf()
	return text, err
}

// pdf gives the PDF and the hash of each of its pages.
func (r *Report) pdf() ([]byte, []sealedPage, error) {
	if err := r.Check(); err != nil {
		return nil, nil, err
	}
	s := newSheet(r)
	s.AddPage()
	s.cover(r)
	s.summary(r)
	s.checklist(r)
	s.items(r)
	var out bytes.Buffer
	if err := s.Output(&out); err != nil {
		return nil, nil, err
	}
	pages, err := sealPages(out.Bytes(), s.on, r.Items, s.PageCount())
	return out.Bytes(), pages, err
}

func newSheet(r *Report) *sheet {
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), links: make(map[string]int), on: make(map[string][2]int)}
	s.SetCatalogSort(true)
	s.SetCreationDate(r.local(r.Cover.Ended))
	s.SetModificationDate(r.local(r.Cover.Ended))
	s.SetProducer("pdvagent "+r.Cover.AgentVersion, true)
	s.SetTitle(fmt.Sprintf("%s · loja %s, caixa %s", title, r.Cover.Shop, r.Cover.Till), true)
	s.SetLang("pt-BR")
	s.SetMargins(margin, margin, margin)
	s.SetAutoPageBreak(true, margin+4)
	s.SetCellMargin(0)
	s.AliasNbPages("{total}")
	s.SetFooterFunc(func() {
		s.SetY(-margin)
		s.font("", 8, "")
		s.cell(width/2, small, fmt.Sprintf("página %d de {total}", s.PageNo()), "L")
		s.cell(width/2, small, fmt.Sprintf("%s · loja %s, caixa %s", title, r.Cover.Shop, r.Cover.Till), "R")
	})
	return s
}

// ink is the colour of a verdict, as on paper in report.css.
func ink(verdict Verdict) [3]int {
	return map[Verdict][3]int{
		Passed: {0x11, 0x63, 0x29}, Failed: {0xa4, 0x0e, 0x26}, Open: {0x7a, 0x4b, 0x00}, Answered: {0x05, 0x50, 0xae}, Unneeded: {0x4a, 0x50, 0x58},
	}[verdict]
}

// font sets Helvetica in a style and size, in the verdict's colour; none is black.
func (s *sheet) font(styles string, size float64, verdict Verdict) {
	colour := ink(verdict)
	s.SetFont("Helvetica", styles, size)
	s.SetTextColor(colour[0], colour[1], colour[2])
}

// soft sets the font of what is beside the point.
func (s *sheet) soft(styles string, size float64) {
	s.font(styles, size, "")
	s.SetTextColor(0x4a, 0x50, 0x58)
}

func (s *sheet) cell(w, h float64, text, align string) {
	s.CellFormat(w, h, latin(text), "", 0, align, false, 0, "")
}

// paragraph writes a text over the rest of the line's width, and on.
func (s *sheet) paragraph(h float64, text string) { s.MultiCell(0, h, latin(text), "", "L", false) }

// room begins a page where less than h is left on this one.
func (s *sheet) room(h float64) {
	_, height := s.GetPageSize()
	if s.GetY()+h > height-margin-4 {
		s.AddPage()
	}
}

// heading begins a section; the reader's outline has it.
func (s *sheet) heading(text string, size float64, level int) {
	s.room(together)
	s.Bookmark(wide(text), level, -1)
	s.font("B", size, "")
	s.paragraph(size/2, text)
	s.Ln(1.5)
}

// rule draws a line across the page.
func (s *sheet) rule() {
	s.SetDrawColor(0xc4, 0xca, 0xd1)
	s.SetLineWidth(.2)
	s.Line(margin, s.GetY(), margin+width, s.GetY())
}

func (s *sheet) cover(r *Report) {
	verdict, sentence := r.outcome()
	s.heading(title, 20, 0)
	s.font("B", 12, verdict)
	s.paragraph(7, sentence)
	s.Ln(2)
	for _, f := range r.facts() {
		s.room(line)
		s.soft("", 10)
		s.cell(38, line, f.name, "L")
		s.font("", 10, "")
		if len(f.value) > 90 {
			s.SetFontSize(8)
		}
		s.SetLeftMargin(margin + 38)
		s.paragraph(line, f.value)
		s.SetLeftMargin(margin)
		s.SetX(margin)
	}
	s.font("", 10, "")
	for _, note := range r.Cover.Notes {
		s.Ln(1.5)
		s.paragraph(line, note)
	}
	s.Ln(6)
}

func (s *sheet) summary(r *Report) {
	const first, column = 52.0, (width - 52) / 6
	s.heading("Resumo por etapa", 14, 0)
	s.soft("B", 7.5)
	s.cell(first, small, "Etapa", "L")
	for _, verdict := range Verdicts() {
		s.cell(column, small, verdict.column(), "R")
	}
	s.cell(column, small, "Total", "R")
	s.Ln(small + 1)
	for _, count := range r.Summary() {
		s.room(line + 2)
		s.rule()
		s.Ln(.7)
		s.font("", 9, "")
		s.cell(first, line, count.Title, "L")
		for _, verdict := range Verdicts() {
			if s.soft("", 9); count.Of[verdict] > 0 {
				s.font("B", 9, verdict)
			}
			s.cell(column, line, fmt.Sprint(count.Of[verdict]), "R")
		}
		s.font("", 9, "")
		s.cell(column, line, fmt.Sprint(count.Total()), "R")
		s.Ln(line + .7)
	}
	s.rule()
	s.Ln(7)
}

// checklist is the vendor's list, a row for each item.
func (s *sheet) checklist(r *Report) {
	s.heading("Lista de verificação", 14, 0)
	for _, stage := range r.Stages {
		s.room(together)
		s.font("B", 10, "")
		s.paragraph(line, stage.Title)
		s.Ln(1)
		for i := range r.Items {
			if item := &r.Items[i]; item.Stage == stage.ID {
				s.row(r, item)
			}
		}
		s.rule()
		s.Ln(4)
	}
}

// row is an item in the list: its texts stand beside each other, each in as many lines as it needs.
func (s *sheet) row(r *Report, item *Item) {
	widths := []float64{15, 80, 27, width - 15 - 80 - 27}
	texts := []string{item.ID, item.Title, item.Verdict.Words(), r.when(item)}
	s.font("", 9, "")
	height := 0.0
	for i, text := range texts {
		height = max(height, small*float64(len(s.SplitLines([]byte(latin(text)), widths[i]-3))))
	}
	s.room(height + 2)
	s.rule()
	s.Ln(.8)
	top, left := s.GetY(), margin
	for i, text := range texts {
		s.font("", 9, "")
		switch i {
		case 0:
			s.links[item.ID] = s.AddLink()
			s.font("", 9, Answered)
			s.CellFormat(widths[0], small, latin(text), "", 0, "L", false, s.links[item.ID], "")
		case 2:
			s.font("B", 9, item.Verdict)
			fallthrough
		default:
			s.SetXY(left, top)
			s.MultiCell(widths[i]-3, small, latin(text), "", "L", false)
		}
		left += widths[i]
	}
	s.SetXY(margin, top+height+.8)
}

func (s *sheet) items(r *Report) {
	s.AddPage()
	s.heading("Os itens, com a evidência", 14, 0)
	for _, stage := range r.Stages {
		s.Ln(2)
		s.heading(stage.Title, 12, 1)
		group := ""
		for i := range r.Items {
			item := &r.Items[i]
			if item.Stage != stage.ID {
				continue
			}
			if item.Group != group && item.Group != "" {
				s.room(together)
				s.soft("B", 10)
				s.paragraph(line, item.Group)
				s.Ln(1.5)
			}
			group = item.Group
			s.item(r, item)
		}
	}
}

func (s *sheet) item(r *Report, item *Item) {
	s.room(together)
	s.rule()
	s.Ln(1.5)
	s.SetLink(s.links[item.ID], -1, -1)
	s.Bookmark(wide(item.ID+" "+item.Title), 2, -1)
	top, first := s.GetY(), s.PageNo()
	s.SetX(margin + width - 30)
	s.font("B", 9, item.Verdict)
	s.cell(30, line, item.Verdict.Words(), "R")
	s.SetXY(margin, top)
	s.font("B", 10, "")
	s.MultiCell(width-32, line, latin(item.ID+"  "+item.Title), "", "L", false)
	if text := strings.Trim(r.when(item)+" · "+item.Reference, " ·"); text != "" {
		s.soft("", 8)
		s.paragraph(small, text)
	}
	for _, part := range r.parts(item) {
		s.part(part)
	}
	s.exchanges(r, item)
	s.on[item.ID] = [2]int{first, s.PageNo()}
	s.Ln(3)
}

func (s *sheet) part(p part) {
	s.Ln(1)
	s.room(line + small)
	s.soft("B", 8)
	s.paragraph(small, p.title)
	for i, text := range p.lines {
		s.font("", 9.5, p.tone)
		if len(p.lines) > 1 {
			s.room(line)
			s.cell(6, line, fmt.Sprintf("%d.", i+1), "L")
			s.SetLeftMargin(margin + 6)
		}
		s.paragraph(line, text)
		s.SetLeftMargin(margin)
		s.SetX(margin)
	}
}

// exchanges are the calls of an item, with the bodies as they were.
func (s *sheet) exchanges(r *Report, item *Item) {
	for i := range item.Exchanges {
		x := &item.Exchanges[i]
		s.Ln(1.5)
		s.room(2 * line)
		s.font("", 8, "")
		s.paragraph(small, r.headline(x))
		if x.Detail != "" {
			s.paragraph(small, x.Detail)
		}
		for _, body := range []fact{{"Pedido", x.Request}, {"Resposta", x.Response}} {
			if body.value == "" {
				continue
			}
			s.soft("B", 7)
			s.paragraph(3.4, body.name)
			s.SetFont("Courier", "", 7)
			s.SetTextColor(0, 0, 0)
			s.paragraph(3.2, strings.ReplaceAll(body.value, " ", "\u00a0")) // cut at the width, not at the space in a name
		}
	}
}

// latin gives a text in windows-1252. What that has not is spelled: nothing of a report is dropped.
func latin(text string) string {
	var out strings.Builder
	for _, r := range text {
		b, ok := charmap.Windows1252.EncodeRune(r)
		switch {
		case r == '→':
			out.WriteString("->")
		case r == '−':
			out.WriteByte('-')
		case r == '\t':
			out.WriteString("    ")
		case r == '\n':
			out.WriteByte('\n')
		case !ok || r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, "[U+%04X]", r)
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}

// wide gives a text as PDF's outlines have it: UTF-16.
func wide(text string) string {
	out := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return string(out)
}
