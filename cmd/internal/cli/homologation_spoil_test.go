package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/mercafacil/homologation"
)

// TestAWrongTillTurnsItsItemRed lets tills with a mistake do a run.
func TestAWrongTillTurnsItsItemRed(t *testing.T) {
	plan, err := homologation.Load(homologation.Script)
	if err != nil {
		t.Fatal(err)
	}
	scene, err := openSandbox(t.Context(), plan, t.TempDir(), own{run: "spoil", ids: kit.NewIDs("spoil")})
	if err != nil {
		t.Fatal(err)
	}
	defer scene.close()
	replace := func(route, old, changed string) func(string, []byte) []byte {
		return func(path string, body []byte) []byte {
			if strings.HasSuffix(path, route) {
				return []byte(strings.ReplaceAll(string(body), old, changed))
			}
			return body
		}
	}
	for name, wrong := range map[string]struct {
		red   string
		spoil func(string, []byte) []byte
	}{
		"client_id of who is not of the club": {"H14", replace("coupons", `"client_id":"0"`, `"client_id":"39053344705"`)},
		"the discount twice in the total":     {"H16", replace("coupons", `"total_value_with_discount":52.49,"origin"`, `"total_value_with_discount":47.49,"origin"`)},
		"two decimals of a weight":            {"H17", replace("", `"quantity":1.235`, `"quantity":1.24`)},
		"the confirm is never sent": {"H24", func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "confirm") {
				return nil
			}
			return body
		}},
	} {
		t.Run(name, func(t *testing.T) {
			book, err := kit.OpenBook("", evidence.AgainstSandbox, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			scene.till.Run, scene.till.Spoil = strings.ReplaceAll(name, " ", ""), wrong.spoil
			runner, err := kit.NewRunner(kit.Config{Plan: plan, Book: book, Scene: scene, Till: scene.till, Cloud: scene.cloud, Facts: scene.facts()})
			if err != nil {
				t.Fatal(err)
			}
			items := []string{"H13", "H14", "H15", "H16", "H17", "H18", "H24"}
			if err := runner.Run(t.Context(), items...); err != nil {
				t.Fatal(err)
			}
			var red []string
			for _, id := range items {
				if book.Entries[id].Verdict == homologation.Failed {
					red = append(red, id)
				}
			}
			if !slices.Equal(red, []string{wrong.red}) {
				t.Errorf("red is %v, want %s: %+v", red, wrong.red, book.Entries[wrong.red])
			}
		})
	}
}
