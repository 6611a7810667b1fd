package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

//go:embed docs/openapi.yaml
var openapi []byte

// referencePage is where the console's page shows the API; it needs no session.
const referencePage = "/console/#/guias/api"

// document serves the contract as it is written.
func document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openapi) // an error means that the caller hung up
}

// reference leads to the page that shows it.
func reference(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, referencePage, http.StatusSeeOther)
}

// documentJSON serves the contract as JSON, its members in the order of the file: a browser reads it without a parser of YAML.
func documentJSON() http.HandlerFunc {
	read := sync.OnceValues(func() ([]byte, error) {
		var root yaml.Node
		if err := yaml.Unmarshal(openapi, &root); err != nil {
			return nil, err
		}
		return nodeJSON(nil, &root)
	})
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := read()
		if err != nil {
			problem(w, r, err, "")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	}
}

// nodeJSON appends a node of YAML as JSON.
func nodeJSON(to []byte, node *yaml.Node) ([]byte, error) {
	var err error
	switch node.Kind {
	case yaml.DocumentNode:
		return nodeJSON(to, node.Content[0])
	case yaml.AliasNode:
		return nodeJSON(to, node.Alias)
	case yaml.SequenceNode:
		to = append(to, '[')
		for i, element := range node.Content {
			if i > 0 {
				to = append(to, ',')
			}
			if to, err = nodeJSON(to, element); err != nil {
				return nil, err
			}
		}
		return append(to, ']'), nil
	case yaml.MappingNode:
		to = append(to, '{')
		for i, content := 0, merged(node.Content); i < len(content); i += 2 {
			if i > 0 {
				to = append(to, ',')
			}
			name, _ := json.Marshal(content[i].Value) // a text always is JSON
			to = append(append(to, name...), ':')
			if to, err = nodeJSON(to, content[i+1]); err != nil {
				return nil, err
			}
		}
		return append(to, '}'), nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	return append(to, text...), err
}

// merged is a mapping's names and values with those that a merge key (<<) brings in its place.
func merged(content []*yaml.Node) []*yaml.Node {
	for i := 0; i < len(content); i += 2 {
		if content[i].Tag == "!!merge" && content[i+1].Kind == yaml.AliasNode {
			return slices.Concat(content[:i], content[i+1].Alias.Content, content[i+2:])
		}
	}
	return content
}
