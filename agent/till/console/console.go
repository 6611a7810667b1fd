// Package console serves the page of the console: the files of page/, embedded, at /console/, with the guides of docs at
// /console/guias/, and the way there from /. They are public and hold no data. The page asks the routes of package api for all that it shows, with a session's token
// (see web.Sessions); its addresses are in the fragment, which no server sees.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/till/web"
	"pdvagent/docs"
)

//go:embed page
var page embed.FS

// Path is where the page is.
const Path = "/console/"

// contentPolicy lets the page load, ask and run only what the agent serves; blob: is a picture that its script has asked
// for with the session's token. Nothing may frame it.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const plain = "text/plain; charset=utf-8"

// types are the kinds of file that the page may have. They are not left to the system: Windows has them in its registry,
// where any program may change them. Guides and the programs of their examples are text, whatever they hold.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
	".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": plain,
	".md": plain, ".cs": plain, ".java": plain, ".pas": plain, ".php": plain, ".py": plain, ".sh": plain, ".yaml": plain,
}

// file is one of the page's files.
type file struct {
	from fs.FS
	name string // in from
	kind string
	tag  string // of its content
}

// Routes are the page and the way there.
func Routes() []web.Route {
	found := make(files)
	inner, _ := fs.Sub(page, "page") // it is there
	found.add("", inner)
	found.add("guias/", docs.Guides)
	return []web.Route{
		{Method: http.MethodGet, Path: "/{$}", Scope: web.Public, Handler: lead},
		{Method: http.MethodGet, Path: Path + "{file...}", Scope: web.Public, Handler: found.serve},
	}
}

// lead leads from the agent's address to the page.
func lead(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, Path, http.StatusSeeOther) }

type files map[string]file

// add adds embedded files below an address. A file of a kind that the page may not have is left out.
func (f files) add(below string, from fs.FS) {
	_ = fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error { // what is embedded can be read
		kind := types[path.Ext(name)]
		if err != nil || entry.IsDir() || kind == "" {
			return err
		}
		opened, err := from.Open(name)
		if err != nil {
			return err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, opened)
		f[below+name] = file{from, name, kind, `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`}
		return err
	})
}

// serve answers with a file; a browser that has the same content already gets a 304.
func (f files) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "index.html"
	}
	found, ok := f[name]
	if !ok {
		web.Problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Este endereço não existe no pdvagent."), nil, "")
		return
	}
	if framed(r) {
		web.Problem(w, r, agent.Errorf(agent.CodeBrowser, nil, "A página do pdvagent não abre dentro de outra página."), nil, "")
		return
	}
	opened, err := found.from.Open(found.name)
	content, ok := opened.(io.ReadSeeker)
	if err != nil || !ok {
		web.Problem(w, r, agent.Errorf(agent.CodeInternal, err, "O arquivo não pôde ser lido."), nil, "")
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", found.tag)
	http.ServeContent(w, r, "", time.Time{}, content)
}

// framed tells whether a browser asks for the file to show it inside another page.
func framed(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "fencedframe", "embed", "object":
		return true
	}
	return false
}
