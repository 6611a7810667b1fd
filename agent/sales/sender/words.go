package sender

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// heed judges an outcome by its words first, then by its status (till-api.md, "What the cloud refuses"):
//
//	400 or 422 that says that this very job is there already   as 409
//	2xx with a refusal inside that says so                     as 409 where that is delivered
//	404 about this job                                         doubted
//	another suspect status that names this job                 doubted
//
// unanswered tells whether an EARLIER attempt had no answer.
func (s *Sender) heed(job agent.Job, outcome agent.Outcome, unanswered bool) verdict {
	v := judge(job.Kind, outcome, unanswered, s.cfg.Conflict)
	conflict := func() verdict {
		outcome.Class, outcome.Status = agent.ClassStatus, http.StatusConflict
		return judge(job.Kind, outcome, unanswered, s.cfg.Conflict)
	}
	switch {
	case outcome.Status == http.StatusBadRequest, outcome.Status == http.StatusUnprocessableEntity:
		if tellsDuplicate(job, outcome.Body) {
			return conflict()
		}
	case outcome.Class == agent.ClassDenied:
		if tellsDuplicate(job, outcome.Body) && conflict() == delivered {
			return delivered
		}
	case v == suspect && outcome.Status >= 400 && aboutJob(job, outcome):
		return doubted
	}
	return v
}

// aboutJob tells whether a refusal that a missing route would also give is about the job itself: it names the job or what
// the job is about, or it is JSON that says "not found" to a kind that speaks of something in the cloud. An empty body, a
// page of HTML and words about a route or a path are the route's.
func aboutJob(job agent.Job, outcome agent.Outcome) bool {
	for _, said := range statements(outcome.Body) {
		switch {
		case said.any(routeWords):
		case said.names(job):
			return true
		case outcome.Status != http.StatusNotFound:
		case said.any(subjects(job.Kind)), said.json && refers(job.Kind) && said.any(notFound):
			return true
		}
	}
	return false
}

// refers tells whether a job of the kind is about something that must be in the cloud already.
func refers(kind agent.Kind) bool {
	switch kind {
	case agent.KindConfirm, agent.KindCancel, agent.KindCouponCancellation, agent.KindMessage:
		return true
	}
	return false
}

// tellsDuplicate tells whether an answer says that the cloud has this very job already. Words about another field of the job,
// in the same sentence or as a fault of their own, are no such answer.
func tellsDuplicate(job agent.Job, body []byte) bool {
	found := false
	for _, said := range statements(body) {
		duplicate := said.any(duplicateWords(job.Kind))
		if said.any(otherFields) && (duplicate || said.any(faultWords)) || duplicate && job.Kind == agent.KindCoupon && said.any(sessionWords) {
			return false
		}
		found = found || duplicate && (said.names(job) || said.any(subjects(job.Kind)))
	}
	return found
}

// The words of the answers, in small letters without accents, between spaces.
var (
	routeWords = regexp.MustCompile(` (cannot (post|get|put)|no route|routes?|rotas?|endpoints?|paths?|urls?|page|pagina|uri|store|shop|loja|tenant) `)
	notFound   = regexp.MustCompile(` (not found|not exists?|unknown|no such|nao (foi )?(encontrad[oa]|localizad[oa]|existe|cadastrad[oa])|inexistente|desconhecid[oa]) `)
	faultWords = regexp.MustCompile(` (invalid|invalid[oa]|must|deve|required|obrigatori[oa]|not|nao|wrong|incorret[oa]) `)

	couponWords  = regexp.MustCompile(` (coupons?|cupom|cupons|receipt|venda|sale) `)
	sessionWords = regexp.MustCompile(` (transactions?|transac(ao|oes)|sess(ion|ao)) `)
	noWords      = regexp.MustCompile(`^$`)

	duplicated = regexp.MustCompile(` (ja (foi |esta |se encontra )?(cadastrad[oa]|registrad[oa]|existe(nte)?|inserid[oa]|enviad[oa]|recebid[oa]|` +
		`processad[oa]|importad[oa]|incluid[oa]|lancad[oa]|gravad[oa]|em uso)|already (exists?|registered|been (taken|used|registered|processed)|` +
		`in use|taken|received|processed|used|imported)|(must|should) be unique|(not|nao e) (unique|unic[oa])|deve ser unic[oa]|duplicated?|` +
		`duplicad[oa]|unique (constraint|violation)) `)
	confirmed = regexp.MustCompile(` (ja (foi |esta )?(confirmad|finalizad)[oa]|already (been )?(confirmed|finished)) `)
	cancelled = regexp.MustCompile(` (ja (foi |esta )?(cancelad|estornad)[oa]|already (been )?cancell?ed) `)

	// otherFields are fields of a receipt that are not its own id.
	otherFields = regexp.MustCompile(` (client|cliente|document|documento|cpf|cnpj|ean|sku|operator|operador|email|phone|telefone|pdv|items?|itens|` +
		`payments?|pagamentos?|amount|quantity|quantidade|total value) `)
)

func subjects(kind agent.Kind) *regexp.Regexp {
	switch kind {
	case agent.KindCoupon, agent.KindCouponCancellation:
		return couponWords
	case agent.KindConfirm, agent.KindCancel, agent.KindMessage:
		return sessionWords
	}
	return noWords
}

func duplicateWords(kind agent.Kind) *regexp.Regexp {
	switch kind {
	case agent.KindCoupon:
		return duplicated
	case agent.KindCouponCancellation, agent.KindCancel:
		return cancelled
	case agent.KindConfirm:
		return confirmed
	}
	return noWords
}

// statement is one thing that an answer says: its words in small letters without accents, names of fields among them, each
// between spaces.
type statement struct {
	words string
	json  bool
}

func (s statement) any(of *regexp.Regexp) bool { return of.MatchString(s.words) }

// names tells whether the statement has the receipt's id, or the session's where the job has no receipt.
func (s statement) names(job agent.Job) bool {
	id := job.Coupon
	if id == "" {
		id = job.Session
	}
	const shortest = 3 // a shorter one stands in many a sentence
	return len(id) >= shortest && strings.Contains(s.words, plainWords(id))
}

// maxSaid bounds how much of an answer is read for its words, in bytes.
const maxSaid = 64 << 10

// statements takes an answer apart: each object's own texts are one statement, each text of a list is one of its own, and
// each has the names of the fields that lead to it. HTML says nothing.
func statements(body []byte) []statement {
	body = bytes.TrimSpace(bytes.TrimPrefix(body[:min(len(body), maxSaid)], []byte("\xef\xbb\xbf")))
	if len(body) == 0 || body[0] == '<' {
		return nil
	}
	answer, err := rawjson.Parse(body)
	if errors.Is(err, rawjson.ErrEncoding) {
		body, _ = reading.FromLatin(body)
		answer, err = rawjson.Parse(body)
	}
	if err != nil || answer.Kind != rawjson.Object && answer.Kind != rawjson.Array {
		return []statement{{words: plainWords(string(body))}}
	}
	var all []statement
	say(answer, "", &all)
	return all
}

// say adds the statements of a value; at is the name that leads to it.
func say(v rawjson.Value, at string, all *[]statement) {
	add := func(text string) { *all = append(*all, statement{words: plainWords(at + " " + text), json: true}) }
	switch v.Kind {
	case rawjson.Object:
		var own []string
		for _, member := range v.Members {
			switch text, plain := member.Value.Text(); {
			case echo(member.Name, text):
			case plain:
				own = append(own, member.Name, text)
			default:
				say(member.Value, strings.TrimSpace(at+" "+member.Name), all)
			}
		}
		if len(own) > 0 {
			add(strings.Join(own, " "))
		}
	case rawjson.Array:
		for _, element := range v.Elements {
			if text, plain := element.Text(); plain {
				add(text)
			} else {
				say(element, at, all)
			}
		}
	}
}

// echo tells whether a field repeats the request and is no word about it. A path may also be a field's name.
func echo(name, text string) bool {
	name = strings.ToLower(name)
	return name == "path" && strings.HasPrefix(text, "/") ||
		slices.Contains([]string{"url", "instance", "timestamp", "trace", "stack", "method", "request", "original", "sql", "type"}, name)
}

// plainWords gives a text as words between single spaces: small letters without accents, camelCase and punctuation taken apart.
func plainWords(text string) string {
	var b strings.Builder
	b.WriteByte(' ')
	space, lower := true, false
	for _, r := range text {
		folded := fold(unicode.ToLower(r))
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			if !space {
				b.WriteByte(' ')
			}
			space, lower = true, false
			continue
		case unicode.IsUpper(r) && lower:
			b.WriteByte(' ')
		}
		b.WriteRune(folded)
		space, lower = false, unicode.IsLower(r)
	}
	if !space {
		b.WriteByte(' ')
	}
	return b.String()
}

// fold takes the accent of a small Portuguese letter away.
func fold(r rune) rune {
	if i := strings.IndexRune("áàâãéêíóôõúüç", r); i >= 0 {
		return rune("aaaaeeiooouuc"[len([]rune("áàâãéêíóôõúüç"[:i]))])
	}
	return r
}
