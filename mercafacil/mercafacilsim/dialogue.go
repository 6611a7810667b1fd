package mercafacilsim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
)

// Member is a shopper of the club.
type Member struct {
	Document  string `json:"document_no"`
	Name      string `json:"name"`
	BirthDate string `json:"birth_date,omitempty"` // YYYY-MM-DD; the day is greeted
	Phone     string `json:"phone,omitempty"`
	Notice    string `json:"notice,omitempty"` // card: a pre-approved card is offered; app: a QR code is shown, no answer
}

// AddMember puts a shopper into the club; one with the same document is replaced.
func (s *Sim) AddMember(text string) error {
	var member Member
	if err := simkit.Decode(text, &member); err != nil {
		return err
	}
	if _, ok := agent.ParseDocument(member.Document); !ok {
		return errors.New("document_no must be a CPF or CNPJ with right check digits")
	}
	if !slices.Contains([]string{"", "card", "app"}, member.Notice) {
		return errors.New("notice must be card or app")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.members[member.Document] = &member
	return nil
}

// Members gives the club, by document.
func (s *Sim) Members() []Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Member, 0, len(s.state.members))
	for _, member := range s.state.members {
		list = append(list, *member)
	}
	slices.SortFunc(list, func(a, b Member) int { return strings.Compare(a.Document, b.Document) })
	return list
}

// RemoveMember takes a shopper out of the club.
func (s *Sim) RemoveMember(document string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state.members, document)
}

// prompt is one question or notice on the till's screen.
type prompt struct {
	message map[string]any
	tags    []string             // offered; none: no answer is expected
	then    map[string]answering // by the tag
}

// answering is what an answer to a prompt does; input is what was typed at the till.
type answering func(h *handler, sess *session, input string)

// button is one response of a message (mercafacil.md 3.2).
func button(caption, tag string, more ...any) map[string]any {
	response := map[string]any{"button": caption, "tag": tag}
	for i := 0; i+1 < len(more); i += 2 {
		name, _ := more[i].(string)
		response[name] = more[i+1]
	}
	return response
}

const qrCode = "http://qrcodes.com/qrcode2.png"

// greeting gives the prompts of a start, by the manual's three examples (Annex 1) or their like in the newer dialect.
func (h *handler) greeting(dialect, document string, member *Member) []prompt {
	switch {
	case member != nil && member.Notice == "card":
		return []prompt{card(dialect)}
	case member != nil && member.Notice == "app":
		return []prompt{{message: map[string]any{
			"text": "Aproveite ofertas exclusivas! Leia o QRcode e baixe nosso APP!", "qr_code_next_window": map[string]any{"url": qrCode}, "responses": []any{},
		}}}
	case member != nil && len(member.BirthDate) == 10 && member.BirthDate[5:] == h.Now().Format("01-02"):
		return []prompt{{message: map[string]any{"text": "Parabéns pelo seu aniversário, " + member.Name + "!", "responses": []any{}}}}
	case member != nil:
		return nil
	case document != "" && document != "0":
		return preRegistration(dialect)
	case dialect == "v2.2" && h.settings.AskDocument:
		return []prompt{{
			message: map[string]any{"text": "Informe o CPF do clube", "input": true, "responses": []any{
				button("Confirmar", "informou-documento"), button("Sem CPF", "sem-documento", "end_message_flow", true),
			}},
			tags: []string{"informou-documento", "sem-documento"},
			then: map[string]answering{"informou-documento": identify},
		}}
	}
	return nil
}

func identify(h *handler, sess *session, input string) {
	sess.document = input
	sess.prompts = append(sess.prompts, h.greeting(sess.dialect, input, h.members[input])...)
}

func card(dialect string) prompt {
	yes, no := button("Sim", "aceitou", "text_next_window", "Leia o QRcode e peça seu cartão já!", "qr_code_next_window", map[string]any{"url": qrCode}),
		button("Nao", "nao-aceitou")
	if dialect == "v2.2" {
		yes["end_message_flow"], no["end_message_flow"] = true, true
	}
	return prompt{
		message: map[string]any{"text": "Tem crédito pré-aprovado! Quer pedir seu cartão agora?", "responses": []any{yes, no}},
		tags:    []string{"aceitou", "nao-aceitou"},
	}
}

// preRegistration is one message with a second window in v2, two messages in v2.2.
func preRegistration(dialect string) []prompt {
	const question, second = "Cadastro não encontado. Realizar pré-cadastro?.", "Digite celular com DDD"
	if dialect == "v2" {
		return []prompt{{
			message: map[string]any{"text": question, "responses": []any{
				button("Sim", "aceitou-pre-cadastro", "text_next_window", second, "input_next_window", true),
				button("Nao", "nao-aceitou-pre-cadastro", "text_next_window", "", "input_next_window", false),
			}},
			tags: []string{"aceitou-pre-cadastro", "nao-aceitou-pre-cadastro"},
			then: map[string]answering{"aceitou-pre-cadastro": register},
		}}
	}
	return []prompt{{
		message: map[string]any{"text": question, "responses": []any{
			button("Sim", "aceitou-pre-cadastro"), button("Nao", "nao-aceitou-pre-cadastro", "end_message_flow", true),
		}},
		tags: []string{"aceitou-pre-cadastro", "nao-aceitou-pre-cadastro"},
		then: map[string]answering{"aceitou-pre-cadastro": func(_ *handler, sess *session, _ string) {
			sess.prompts = append(sess.prompts, askPhone(second, ""))
		}},
	}}
}

// askPhone asks until it is a phone (v2.2). why stands before the question: what was wrong with the last one.
func askPhone(text, why string) prompt {
	return prompt{
		message: map[string]any{"text": why + text, "input": true, "responses": []any{button("Enviar", "celular")}},
		tags:    []string{"celular"},
		then: map[string]answering{"celular": func(h *handler, sess *session, input string) {
			if !phone(input) {
				sess.prompts = append(sess.prompts, askPhone(text, "Celular inválido. "))
				return
			}
			register(h, sess, input)
		}},
	}
}

// register takes a shopper into the club with the phone typed at the till.
func register(h *handler, sess *session, input string) {
	if _, ok := agent.ParseDocument(sess.document); ok && phone(input) {
		h.members[sess.document] = &Member{Document: sess.document, Phone: input}
	}
}

// phone is a mobile number with its area code: 11 digits (M7).
func phone(text string) bool {
	for _, r := range text {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(text) == 11
}

// message takes an answer: the one answer to the script in v2, one of a loop in v2.2.
func (h *handler) message(in input) reply {
	sess, refused := h.find(in.TransactionID)
	if sess == nil {
		return refused
	}
	tag := in.MessageTag
	if h.dialect == "v2.2" {
		tag = in.Tag
	}
	if len(sess.prompts) == 0 || !slices.Contains(sess.prompts[0].tags, tag) {
		return reject(http.StatusBadRequest, fmt.Sprintf("tag %q was not offered", tag))
	}
	answered := sess.prompts[0]
	sess.prompts = sess.prompts[1:]
	if next := answered.then[tag]; next != nil {
		next(h, sess, in.InputValue)
	}
	sess.routes = append(sess.routes, "message:"+tag)
	fields := common(sess)
	if h.dialect == "v2.2" {
		h.addMessage(fields, sess)
	}
	return h.success(http.StatusOK, fields)
}

// ask adds the questions of the subtotal (v2.2), once a session.
func (h *handler) ask(sess *session) {
	if sess.asked {
		return
	}
	sess.asked = true
	for i := range h.settings.Rounds {
		yes, no := fmt.Sprintf("sim-%d", i+1), fmt.Sprintf("nao-%d", i+1)
		sess.prompts = append(sess.prompts, prompt{
			message: map[string]any{
				"text":      fmt.Sprintf("Pergunta %d de %d: deseja participar da promoção?", i+1, h.settings.Rounds),
				"responses": []any{button("Sim", yes), button("Nao", no)},
			},
			tags: []string{yes, no},
		})
	}
}
