package mercafacil

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// inside looks for a refusal that came with a 2xx. The vendor documents no answer for these routes, so an empty one and any
// JSON are taken as they are (mercafacil.md 1.2: the client reads only the status). HTML and other text are what a gateway, a
// portal or a provider's page says: no answer. At the top of a JSON object, in any case of letters:
//
//	statusCode 300 to 599, code or status 400 to 499     the answer of that status
//	success, sucesso or ok false ("false", "N", 0)       denied
//	status, result or resultado says that it failed      denied: error, fail, NOK, rejected, falha, recusado and the like
//	any other code of 400 or more, unless success is true  denied
//	error, errors, errorMessage, hasError and the like,
//	not empty                                            denied
//
// A list of one answer is that answer, false alone is denied. null, false, "", 0 and empty lists are no error.
func inside(outcome agent.Outcome) agent.Outcome {
	if len(bytes.TrimSpace(outcome.Body)) == 0 {
		return outcome
	}
	answer, err := rawjson.Parse(outcome.Body)
	if errors.Is(err, rawjson.ErrEncoding) { // it is judged, and goes nowhere
		text, _ := reading.FromLatin(outcome.Body)
		answer, err = rawjson.Parse(text)
	}
	if err != nil {
		outcome.Class, outcome.Detail = agent.ClassForeign, "half an answer, or text: "+err.Error()
		return outcome
	}
	verdict := readVerdict(answer)
	switch {
	case verdict.status != 0:
		outcome.Class, outcome.Status, outcome.Detail = agent.ClassStatus, verdict.status, "status inside a 2xx"
	case verdict.denial != "":
		outcome.Class, outcome.Detail = agent.ClassDenied, "a refusal inside a 2xx: "+verdict.denial
	}
	return outcome
}

// verdict is what an answer says of its own success.
type verdict struct {
	status int    // that it stands for; 0: none
	denial string // name of the field that says no; never its value
}

func readVerdict(answer rawjson.Value) verdict {
	var t verdict
	switch {
	case answer.Kind == rawjson.Array && len(answer.Elements) == 1:
		answer = answer.Elements[0]
	case answer.Kind == rawjson.False:
		t.denial = "false"
	}
	success, highCode := false, ""
	deny := func(name string) {
		if t.denial == "" {
			t.denial = name
		}
	}
	for _, member := range answer.Members {
		name := strings.ToLower(member.Name)
		code := codeOf(member.Value)
		switch {
		case name == "statuscode" && code >= 300 && code < 600, isCode(name) && code >= 400 && code < 500:
			t.status = code
		case isCode(name) && code >= 400:
			highCode = name
		case slices.Contains([]string{"success", "sucesso", "ok"}, name):
			if refuses(member.Value) {
				deny(name)
			}
			yes, _ := flag(member.Value)
			success = success || yes
		case slices.Contains([]string{"status", "result", "resultado"}, name):
			if failure(member.Value) {
				deny(name)
			}
			success = success || succeeds(member.Value)
		case slices.Contains(errorFields(), name) && says(member.Value):
			deny(name)
		}
	}
	if highCode != "" && !success { // beside a success it is a number of the cloud's own
		deny(highCode)
	}
	return t
}

func isCode(name string) bool { return slices.Contains([]string{"code", "status", "statuscode"}, name) }

func errorFields() []string {
	return []string{
		"error", "errors", "errormessage", "error_message", "errorcode", "error_code", "errormsg", "erro", "erros", "mensagemerro", "mensagem_erro",
		"haserror", "has_error", "haserrors", "iserror", "temerro", "tem_erro",
	}
}

// codeOf gives a whole number, also one in a text; 0 for all else.
func codeOf(v rawjson.Value) int {
	text, _ := v.Text()
	n, err := reading.ParseNumber(text)
	if err != nil {
		return 0
	}
	code, rounded, err := n.Scale(0)
	if err != nil || rounded {
		return 0
	}
	return int(code)
}

// refuses tells whether a field that promises success says no. null says nothing.
func refuses(v rawjson.Value) bool {
	yes, known := flag(v)
	return known && !yes
}

// flag reads a yes or no: true, 1, a text that says so. known is false where it says neither.
func flag(v rawjson.Value) (yes, known bool) {
	text, _ := v.Text()
	switch text = strings.ToLower(strings.TrimSpace(text)); {
	case v.Kind == rawjson.True, slices.Contains([]string{"true", "yes", "sim", "s", "y", "t"}, text):
		return true, true
	case v.Kind == rawjson.False, slices.Contains([]string{"false", "no", "nao", "não", "n", "f"}, text):
		return false, true
	}
	n, err := reading.ParseNumber(text)
	return n != reading.Number{}, err == nil
}

// failures are the words by which a status says that a request failed.
func failures() []string {
	return []string{
		"error", "erro", "fail", "failed", "failure", "falha", "falhou", "false", "nok", "not ok", "ko", "rejected", "rejeitado", "rejeitada", "refused", "denied", "recusado",
		"recusada", "negado", "negada", "invalid", "invalido", "inválido", "exception",
	}
}

// succeeds tells whether a text of status says that the request was done.
func succeeds(v rawjson.Value) bool {
	text, _ := v.Text()
	return slices.Contains([]string{"success", "sucesso", "ok"}, strings.ToLower(strings.TrimSpace(text)))
}

// failure tells whether a status says that the request failed.
func failure(v rawjson.Value) bool {
	text, _ := v.Text()
	return v.Kind == rawjson.False || slices.Contains(failures(), strings.ToLower(strings.TrimSpace(text)))
}

// says tells whether an error field really holds one: null, false, 0, "" and empty lists do not.
func says(v rawjson.Value) bool {
	if yes, known := flag(v); known && !yes {
		return false
	}
	text, _ := v.Text()
	switch v.Kind {
	case rawjson.Null, rawjson.False:
		return false
	case rawjson.String, rawjson.Number:
		n, err := reading.ParseNumber(text)
		return strings.TrimSpace(text) != "" && (err != nil || n != reading.Number{})
	case rawjson.Array:
		return len(v.Elements) > 0
	case rawjson.Object:
		return len(v.Members) > 0
	}
	return true
}
