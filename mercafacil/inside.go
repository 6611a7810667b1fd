package mercafacil

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// inside looks for a refusal that came with a 2xx. The vendor documents no answer for these routes, so an empty one and any
// JSON are taken as they are (mercafacil.md 1.2: the client reads only the status). HTML and other text are what a gateway, a
// portal or a provider's page says: no answer. At the top of a JSON object, in any case of letters:
//
//	statusCode 300 to 599, code or status 400 to 499     the answer of that status
//	success, sucesso or ok false ("false", 0)            denied
//	status error, erro, fail, failed, failure or falha   denied
//	any other code of 400 or more, unless success is true  denied
//	error, errors, errorMessage and the like, not empty  denied
//
// null, false, "", 0 and empty lists are no error.
func inside(outcome agent.Outcome) agent.Outcome {
	if len(bytes.TrimSpace(outcome.Body)) == 0 {
		return outcome
	}
	answer, err := rawjson.Parse(outcome.Body)
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
			success = success || member.Value.Kind == rawjson.True
		case name == "status":
			if failure(member.Value) {
				deny(name)
			}
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
	}
}

// codeOf gives a whole number, also one in a text; 0 for all else.
func codeOf(v rawjson.Value) int {
	text, _ := v.Text()
	code, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0
	}
	return code
}

// refuses tells whether a field that promises success says no. null says nothing.
func refuses(v rawjson.Value) bool {
	text, _ := v.Text()
	return v.Kind == rawjson.False || text == "0" || slices.Contains([]string{"false", "no", "nao", "não"}, strings.ToLower(text))
}

// failure tells whether a status says that the request failed.
func failure(v rawjson.Value) bool {
	text, _ := v.Text()
	return v.Kind == rawjson.False ||
		slices.Contains([]string{"error", "erro", "fail", "failed", "failure", "falha", "false"}, strings.ToLower(strings.TrimSpace(text)))
}

// says tells whether an error field really holds one: null, false, 0, "" and empty lists do not.
func says(v rawjson.Value) bool {
	text, _ := v.Text()
	switch v.Kind {
	case rawjson.Null, rawjson.False:
		return false
	case rawjson.String:
		return strings.TrimSpace(text) != "" && text != "0"
	case rawjson.Number:
		return text != "0"
	case rawjson.Array:
		return len(v.Elements) > 0
	case rawjson.Object:
		return len(v.Members) > 0
	}
	return true
}
