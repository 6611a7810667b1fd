package e2e

import (
	"slices"
	"testing"
)

// Each package of tests sees its share only: the shares together must be the whole document.
func TestEveryOperationOfTheDocumentBelongsToOneTheme(t *testing.T) {
	document, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var shared []string
	for _, operations := range operations() {
		shared = append(shared, operations...)
	}
	slices.Sort(shared)
	if want := document.unseen(); !slices.Equal(shared, want) { // nothing has been called here: it is all of them
		t.Errorf("the themes share\n%q\nthe document has\n%q", shared, want)
	}
}
