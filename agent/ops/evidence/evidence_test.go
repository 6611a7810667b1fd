package evidence_test

import (
	"bytes"
	"strings"
	"testing"

	"pdvagent/agent/ops/evidence"
)

func mustJSON(t *testing.T, report *evidence.Report) []byte {
	t.Helper()
	text, err := report.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAReportReadBackGivesTheSameBytes(t *testing.T) {
	text := mustJSON(t, sample())
	read, err := evidence.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again := mustJSON(t, read); !bytes.Equal(again, text) {
		t.Errorf("it becomes\n%s\nit was\n%s", again, text)
	}
}

func TestSummaryCountsEachStage(t *testing.T) {
	counts := sample().Summary()
	if len(counts) != 5 || counts[0].Total() != 2 || counts[0].Of[evidence.Passed] != 1 || counts[1].Of[evidence.Failed] != 1 || counts[4].Of[evidence.Answered] != 1 {
		t.Errorf("it is %+v", counts)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	text := string(mustJSON(t, sample()))
	for name, edit := range map[string][2]string{
		"another version":                    {`"version": 1,`, `"version": 2,`},
		"an unknown field":                   {`"version": 1,`, `"version": 1, "score": 10,`},
		"a field twice":                      {`"version": 1,`, `"version": 1, "version": 1,`},
		"an unknown verdict":                 {`"verdict": "open"`, `"verdict": "perhaps"`},
		"a failed item that passes":          {`"verdict": "failed"`, `"verdict": "passed"`},
		"an id twice":                        {`"id": "H20"`, `"id": "H1"`},
		"no id":                              {`"id": "H20"`, `"id": ""`},
		"an item of no stage":                {`"stage": "script"`, `"stage": "dessert"`},
		"a confirmation by nobody":           {`"by": "Maria de Conceição, implantação"`, `"by": ""`},
		"a summary that is not of the items": {`"passed": 1`, `"passed": 9`},
		"no shop":                            {`"shop": "001"`, `"shop": ""`},
		"something after it":                 {"\n}\n", "\n}\n{}"},
	} {
		t.Run(name, func(t *testing.T) {
			edited := strings.Replace(text, edit[0], edit[1], 1)
			if edited == text {
				t.Fatal("nothing is edited")
			}
			if _, err := evidence.Parse([]byte(edited)); err == nil {
				t.Error("it is taken")
			}
		})
	}
}
