package api

import (
	"embed"
	"net/http"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"

	"pdvagent/agent"
)

//go:embed docs/openapi.yaml docs/index.html docs/start.js
var docs embed.FS

// contentPolicy lets the documentation load only what the agent serves.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// document serves one of the embedded files.
func document(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := docs.ReadFile("docs/" + name)
		if err != nil {
			problem(w, r, err, "")
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", contentPolicy)
		_, _ = w.Write(text) // an error means that the caller hung up
	}
}

// swagger serves the files of Swagger UI.
func swagger() http.HandlerFunc {
	files := statigz.FileServer(static.FS)
	return func(w http.ResponseWriter, r *http.Request) {
		switch name := r.PathValue("file"); name {
		case "swagger-ui.css", "swagger-ui-bundle.js":
			r.URL.Path = "/" + name
			files.ServeHTTP(w, r)
		case "start.js":
			document(name, "text/javascript; charset=utf-8")(w, r)
		default:
			problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Este endereço não existe no pdvagent."), "")
		}
	}
}
