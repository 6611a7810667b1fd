package simkit_test

import (
	"testing"
	"testing/fstest"

	"pdvagent/agent/simkit"
)

func files(named map[string]string) fstest.MapFS {
	system := make(fstest.MapFS)
	for name, text := range named {
		system["schema/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return system
}

func TestSchemasNameTheFirstFieldThatIsWrong(t *testing.T) {
	schemas, err := simkit.Compile(files(map[string]string{
		"order.v2.json": `{"type":"object","required":["id"],"additionalProperties":false,"properties":{"id":{"type":"integer"},"lines":{"type":"array","items":{"$ref":"common#/$defs/line"}}}}`,
		"common.json":   `{"$defs":{"line":{"type":"object","properties":{"sku":{"type":"string","pattern":"^[0-9]+$"}}}}}`,
		"notes.txt":     `not a schema`,
	}), "https://cloud.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"id":1}`:                          "",
		`{"id":1,"lines":[{"sku":"77"}]}`:   "",
		`{}`:                                `field "": required`,
		`{"id":"1"}`:                        `field "id": type`,
		`{"id":1,"ids":[]}`:                 `field "": additionalProperties`,
		`{"id":1,"lines":[{},{"sku":"x"}]}`: `field "lines/1/sku": pattern`,
		`{"id":1,"lines":[{"sku":"x"},{"sku":"y"}]}`: `field "lines/0/sku": pattern`,
		`{"id":1`: "body is not JSON",
		``:        "body is not JSON",
	} {
		if err := schemas.Check("order.v2", []byte(body)); (err == nil) != (want == "") || (err != nil && err.Error() != want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestSchemasThatAreWrongAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":      `{`,
		"of no meaning": `{"type":"text"}`,
		"open ended":    `{"$ref":"elsewhere"}`,
	} {
		if _, err := simkit.Compile(files(map[string]string{"order.json": text}), "https://cloud.invalid/"); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
