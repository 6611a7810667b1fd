package cli

import (
	"strings"
	"testing"
)

func TestManyAlarmsOfOneKindHideNoOther(t *testing.T) {
	var list []shownAlarm
	for range 40 {
		list = append(list, shownAlarm{"payment_attention", "O pagamento pede uma decisão."})
	}
	list = append(list, shownAlarm{"store_full", "O disco está cheio."})
	var out strings.Builder
	printAlarms(&out, list)
	if got := out.String(); strings.Count(got, "\n") != 5 || !strings.Contains(got, "há mais 37 como este") || !strings.Contains(got, "O disco está cheio.") {
		t.Errorf("got %s", got)
	}
}
