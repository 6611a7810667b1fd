package e2e

import (
	"maps"
	"net/http"
	"testing"
)

// Every example of the document is what its schema asks for.
func TestExamplesOfTheDocumentFitTheirSchemas(t *testing.T) {
	document, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	var walk func(pointer string)
	walk = func(pointer string) {
		object := document.Object(pointer)
		_, hasSchema := object["schema"]
		examples := map[string]any{}
		if example, ok := object["example"]; ok {
			examples["example"] = example
		}
		if list, ok := object["examples"].(map[string]any); ok && hasSchema {
			for name, example := range list {
				inner, _ := example.(map[string]any)
				examples[name] = inner["value"]
			}
		}
		for name, example := range examples {
			if checked++; hasSchema {
				if err := document.validate(pointer+"/schema", example); err != nil {
					t.Errorf("%s, %s: %v", pointer, name, err)
				}
			}
		}
		for name, child := range object {
			if _, ok := child.(map[string]any); ok && name != "example" && name != "examples" && name != "schemas" {
				walk(pointer + "/" + EscapePointer(name))
			}
		}
	}
	for part := range maps.Keys(document.Object("/components")) {
		if part != "schemas" {
			walk("/components/" + part)
		}
	}
	walk("/paths")
	if checked < 35 {
		t.Errorf("found %d examples", checked)
	}
}

// A check that lets everything pass is worth nothing.
func TestContractNoticesWhatItDoesNotSay(t *testing.T) {
	document, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	good := `{"status":"queued","job":"1"}`
	header := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"r"}, "X-Agent-Delivery": {"queued"}, "X-Agent-Time": {"agent=1;cloud=0"}}
	with := func(name, value string) http.Header {
		changed := header.Clone()
		if changed.Set(name, value); value == "" {
			changed.Del(name)
		}
		return changed
	}
	for name, c := range map[string]struct {
		path, sent string
		status     int
		header     http.Header
		got        string
		wrong      bool
	}{
		"right":                    {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, header, good, false},
		"with a slash":             {"/v2/transaction/confirm/", `{"transaction_id":"T","more":1}`, 202, header, good, false},
		"an unknown member":        {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, header, `{"status":"queued","job":"1","x":1}`, true},
		"a missing member":         {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, header, `{"status":"queued"}`, true},
		"another status":           {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 201, header, good, true},
		"a request without its id": {"/v2/transaction/confirm", `{}`, 202, header, good, true},
		"a header missing":         {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, with("X-Request-Id", ""), good, true},
		"a header's other value":   {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, with("X-Agent-Delivery", "soon"), good, true},
		"another type":             {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, with("Content-Type", "text/plain"), good, true},
		"a refusal that is none":   {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 422, with("Content-Type", "application/problem+json"), good, true},
		"an undocumented query":    {"/v2/transaction/confirm?now=1", `{"transaction_id":"T"}`, 202, header, good, true},
		"an undocumented path":     {"/v3/transaction/confirm", `{}`, 200, header, good, true},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		err = document.Check(request, []byte(c.sent), &http.Response{StatusCode: c.status, Header: c.header}, []byte(c.got))
		if (err != nil) != c.wrong {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
