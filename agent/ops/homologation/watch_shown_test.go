package homologation_test

import (
	"os"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/ops/homologation"
)

func TestOnlyThePlansDocumentsAreOnTheDisk(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.pass(passed(t, "H14"))
	w.pass(wrong(passed(t, "H16"), `"client_id":"52998224725","coupon"`, `"client_id":"62648716050","coupon"`))
	w.want("H14", "failed", "não é o do cliente identificado")
	if _, err := w.Report(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "62648716050") {
		t.Error("a shopper's document is on the disk")
	}
	if !strings.Contains(string(text), "52998224725") {
		t.Error("the plan's own document is hidden")
	}
}

func TestAPersonsWordIsKeptForWhatNoMachineSees(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.ask(homologation.Asked{Do: "confirm", Item: "H9", By: "Ana", Says: "a base é única"})
	w.want("H9", "passed", "a base é única")
	w.ask(homologation.Asked{Do: "confirm", Item: "H9", By: "Ana", Says: "o 529.982.247-25 do roteiro está nas duas lojas, 12345678900 não é documento, loja 11.444.777/0001-61"})
	w.want("H9", "passed", "529.982.247-25")
	for _, asked := range []homologation.Asked{
		{Do: "confirm", Item: "H13", By: "Ana", Says: "ok"},
		{Do: "confirm", Item: "H9", Says: "ok"},
		{Do: "confirm", Item: "H9", By: "Ana", Says: "vi com a cliente 626.487.160-50"},
		{Do: "confirm", Item: "H9", By: "Ana 62648716050", Says: "ok"},
		{Do: "item", Item: "H99"},
		{Do: "item", Item: "A12"},
		{Do: "dance"},
		{Do: "start", Products: map[string]string{"rabanete": "1"}},
	} {
		if _, err := w.Change(asked); agent.CodeOf(err) != agent.CodeInvalid {
			t.Errorf("%+v: %v", asked, err)
		}
	}
}

func TestProductsOfTheShopTakeThePlaceOfThePlans(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start", Products: map[string]string{"cafe": "555"}})
	state := w.ask(homologation.Asked{Do: "item", Item: "H21"})
	if !strings.Contains(state.Instruction, "produto 555") {
		t.Errorf("instruction %q", state.Instruction)
	}
	list := passed(t, "H21")
	for i := range list {
		list[i].Request = []byte(strings.ReplaceAll(string(list[i].Request), `"80215"`, `"555"`))
		list[i].Response = []byte(strings.ReplaceAll(string(list[i].Response), `"80215"`, `"555"`))
	}
	w.pass(list)
	w.want("H21", "passed")
}
