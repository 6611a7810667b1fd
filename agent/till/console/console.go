// Package console serves the page of the console: the files of page/, embedded, at /console/, and the way there from /.
// They are public and hold no data. The page asks the routes of package api for all that it shows, with a session's token
// (see web.Sessions); its addresses are in the fragment, which no server sees.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/till/web"
)

//go:embed page
var page embed.FS

// Path is where the page is.
const Path = "/console/"

// contentPolicy lets the page load, ask and run only what the agent serves; blob: is a picture that its script has asked
// for with the session's token. Nothing may frame it.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types are the kinds of file that the page may have. They are not left to the system: Windows has them in its registry,
// where any program may change them.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
	".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// file is one of the page's files.
type file struct {
	text []byte
	kind string
	tag  string // of its content
}

// Routes are the page and the way there.
func Routes() []web.Route {
	files := read(page)
	return []web.Route{
		{Method: http.MethodGet, Path: "/{$}", Scope: web.Public, Handler: lead},
		{Method: http.MethodGet, Path: Path + "{file...}", Scope: web.Public, Handler: files.serve},
	}
}

// lead leads from the agent's address to the page.
func lead(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, Path, http.StatusSeeOther) }

type files map[string]file

// read takes the embedded files into memory. A file of a kind that the page may not have is left out.
func read(from fs.FS) files {
	found := make(files)
	_ = fs.WalkDir(from, "page", func(name string, entry fs.DirEntry, err error) error { // what is embedded can be read
		kind := types[path.Ext(name)]
		if err != nil || entry.IsDir() || kind == "" {
			return err
		}
		text, err := fs.ReadFile(from, name)
		sum := sha256.Sum256(text)
		found[strings.TrimPrefix(name, "page/")] = file{text, kind, `"` + hex.EncodeToString(sum[:16]) + `"`}
		return err
	})
	return found
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
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", found.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.text))
}

// framed tells whether a browser asks for the file to show it inside another page.
func framed(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "fencedframe", "embed", "object":
		return true
	}
	return false
}
