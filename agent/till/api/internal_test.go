package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/till/web"
)

func TestPreferWaitIsReadAsTheStandardSays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "wait=5": 5 * time.Second, "respond-async, wait=10": 10 * time.Second, "WAIT = 3": 3 * time.Second, `wait="7"`: 7 * time.Second,
		"wait=31": 30 * time.Second, "wait=999999": 30 * time.Second, "wait=0": 0, "wait=-1": 0, "wait=soon": 0, "waiting=5": 0, "wait": 0,
	} {
		if got := preferWait([]string{text}); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// The document and the table of routes say the same, and the same of who may.
func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			Tags     []string
			Security *[]any
		}
	}
	if err := yaml.Unmarshal(openapi, &document); err != nil {
		t.Fatal(err)
	}
	api := &API{cfg: Config{Support: Support{Metrics: http.NotFoundHandler()}}}
	routes := api.Routes()
	for _, route := range routes {
		operation, ok := document.Paths[route.Path][strings.ToLower(route.Method)]
		if !ok {
			t.Errorf("the document does not have %s %s", route.Method, route.Path)
			continue
		}
		if public := operation.Security != nil && len(*operation.Security) == 0; public != (route.Scope == web.Public) {
			t.Errorf("%s %s: without a token %v in the document", route.Method, route.Path, public)
		}
		want := map[web.Scope]string{web.Public: "Aberto", web.Support: "Suporte", web.Admin: "Configuração"}[route.Scope]
		if tag := operation.Tags[0]; want != "" && tag != want || want == "" && (tag == "Aberto" || tag == "Suporte" || tag == "Configuração") {
			t.Errorf("%s %s stands under %s", route.Method, route.Path, tag)
		}
	}
	documented := 0
	for _, operations := range document.Paths {
		documented += len(operations)
	}
	if documented != len(routes) {
		t.Errorf("the document has %d operations, the table %d routes", documented, len(routes))
	}
}
