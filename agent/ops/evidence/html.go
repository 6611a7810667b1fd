package evidence

import (
	_ "embed"
	"fmt"
	"html"
	"strings"
)

//go:embed report.css
var style string

// page is a page that is being written. html/template is not used: the linker keeps 3 MB for it.
type page struct{ out strings.Builder }

// add writes markup with every text in it escaped.
func (p *page) add(markup string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(&p.out, markup, args...)
}

// HTML gives the report as one page that needs nothing else: no script, no other file.
func (r *Report) HTML() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	var p page
	p.add("<!DOCTYPE html>\n<html lang=\"pt-BR\">\n<head>\n<meta charset=\"utf-8\"/>\n")
	p.add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n")
	p.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n")
	p.add("<title>%s · loja %s, caixa %s</title>\n<style>\n", title, r.Cover.Shop, r.Cover.Till)
	p.out.WriteString(style)
	p.add("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#itens\">Ir para os itens</a>\n")
	p.cover(r)
	p.add("<main>\n")
	p.summary(r)
	p.checklist(r)
	p.add("<section id=\"itens\" aria-labelledby=\"itens-t\">\n<h2 id=\"itens-t\">Os itens, com a evidência</h2>\n")
	for _, stage := range r.Stages {
		p.stage(r, stage)
	}
	p.add("</section>\n</main>\n</body>\n</html>\n")
	return []byte(p.out.String()), nil
}

func (p *page) cover(r *Report) {
	verdict, sentence := r.outcome()
	p.add("<header>\n<h1>%s</h1>\n<p class=\"outcome %s\">%s</p>\n<dl class=\"facts\">\n", title, string(verdict), sentence)
	for _, f := range r.facts() {
		class := ""
		if len(f.value) > 60 { // a fingerprint is read and compared: it stands in one line
			class = "whole"
		}
		p.add("<div class=\"%s\"><dt>%s</dt><dd>%s</dd></div>\n", class, f.name, f.value)
	}
	p.add("</dl>\n")
	for _, note := range r.Cover.Notes {
		p.add("<p class=\"note\">%s</p>\n", note)
	}
	p.add("</header>\n")
}

func (p *page) summary(r *Report) {
	p.add("<section aria-labelledby=\"resumo\">\n<h2 id=\"resumo\">Resumo por etapa</h2>\n<div class=\"wide\"><table class=\"summary\">\n<thead><tr><th scope=\"col\">Etapa</th>")
	for _, verdict := range Verdicts() {
		p.add("<th scope=\"col\">%s</th>", verdict.column())
	}
	p.add("<th scope=\"col\">Total</th></tr></thead>\n<tbody>\n")
	for _, count := range r.Summary() {
		p.add("<tr><th scope=\"row\">%s</th>", count.Title)
		for _, verdict := range Verdicts() {
			class := "none"
			if count.Of[verdict] > 0 {
				class = string(verdict)
			}
			p.add("<td class=\"%s\">%d</td>", class, count.Of[verdict])
		}
		p.add("<td>%d</td></tr>\n", count.Total())
	}
	p.add("</tbody></table></div>\n</section>\n")
}

// checklist is the vendor's list, a line for each item.
func (p *page) checklist(r *Report) {
	p.add("<section aria-labelledby=\"lista\">\n<h2 id=\"lista\">Lista de verificação</h2>\n")
	for _, stage := range r.Stages {
		p.add("<div class=\"wide\"><table class=\"list\">\n<caption>%s</caption>\n", stage.Title)
		p.add("<thead><tr><th scope=\"col\">Item</th><th scope=\"col\">O que se verifica</th><th scope=\"col\">Resultado</th><th scope=\"col\">Quando</th></tr></thead>\n<tbody>\n")
		for i := range r.Items {
			if item := &r.Items[i]; item.Stage == stage.ID {
				p.add("<tr><td><a href=\"#%s\">%s</a></td><td>%s</td><td><span class=\"verdict %s\">%s</span></td><td>%s</td></tr>\n", item.ID, item.ID, item.Title, string(item.Verdict), item.Verdict.Words(), r.when(item))
			}
		}
		p.add("</tbody></table></div>\n")
	}
	p.add("</section>\n")
}

func (p *page) stage(r *Report, stage Stage) {
	p.add("<h3 class=\"stage\">%s</h3>\n", stage.Title)
	group := ""
	for i := range r.Items {
		item := &r.Items[i]
		if item.Stage != stage.ID {
			continue
		}
		if item.Group != group && item.Group != "" {
			p.add("<p class=\"group\">%s</p>\n", item.Group)
		}
		group = item.Group
		p.out.WriteString(r.article(item))
	}
}

// itemStarts begins an item in the page; no text can hold it, since < is escaped.
const itemStarts, itemEnds = "<article id=\"", "</article>\n"

// article is an item in the page, whole: its hash is signed, so that an edited page tells which item was edited.
func (r *Report) article(item *Item) string {
	var p page
	p.add(itemStarts+"%s\">\n<h4><span class=\"id\">%s</span> %s <span class=\"verdict %s\">%s</span></h4>\n", item.ID, item.ID, item.Title, string(item.Verdict), item.Verdict.Words())
	if line := strings.Trim(r.when(item)+" · "+item.Reference, " ·"); line != "" {
		p.add("<p class=\"when\">%s</p>\n", line)
	}
	for _, part := range r.parts(item) {
		p.add("<h5>%s</h5>\n", part.title)
		if len(part.lines) == 1 {
			p.add("<p class=\"%s\">%s</p>\n", string(part.tone), part.lines[0])
			continue
		}
		p.add("<ol>\n")
		for _, line := range part.lines {
			p.add("<li>%s</li>\n", line)
		}
		p.add("</ol>\n")
	}
	p.exchanges(r, item)
	p.add(itemEnds)
	return p.out.String()
}

// exchanges are folded away where nothing is wrong; a printer unfolds them.
func (p *page) exchanges(r *Report, item *Item) {
	if len(item.Exchanges) == 0 {
		return
	}
	open := ""
	if item.Verdict == Failed {
		open = ` open=""`
	}
	p.add("<details"+open+">\n<summary>%s</summary>\n", plural(len(item.Exchanges), "chamada", "chamadas"))
	for i := range item.Exchanges {
		x := &item.Exchanges[i]
		p.add("<div class=\"exchange\">\n<p>%s</p>\n", r.headline(x))
		if x.Detail != "" {
			p.add("<p>%s</p>\n", x.Detail)
		}
		for _, body := range []fact{{"Pedido", x.Request}, {"Resposta", x.Response}} {
			if body.value != "" {
				p.add("<h6>%s</h6>\n<pre tabindex=\"0\">%s</pre>\n", body.name, spread(body.value))
			}
		}
		p.add("</div>\n")
	}
	p.add("</details>\n")
}
