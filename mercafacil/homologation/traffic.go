package homologation

import (
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// ProbeRef is the Ref of the calls that the kit itself makes to a cloud.
const ProbeRef = "homologation"

// call is one exchange of the loyalty routes, read.
type call struct {
	agent.Exchange
	index   int    // in what was handed in
	route   string // start, message, pre-apply, apply, confirm, cancel, coupon, coupon-cancellation, products, operators, coupons-list
	dialect string // v2 or v2.2
	body    rawjson.Value
	answer  rawjson.Value
}

// till tells whether the till made the call, not the agent.
func (c call) till() bool { return c.Side != agent.SideCloud }

// probe tells whether the kit made the call.
func (c call) probe() bool { return c.Ref == ProbeRef }

// ok tells whether the answer is a success in JSON, or without a body.
func (c call) ok() bool {
	return c.Status >= 200 && c.Status <= 299 && c.Origin == ""
}

// text gives a member of the body.
func (c call) text(name string) string { return textOf(c.body, name) }

// said gives a member of the answer.
func (c call) said(name string) string { return textOf(c.answer, name) }

func textOf(v rawjson.Value, name string) string {
	member, _ := v.Get(name)
	text, _, err := reading.Text(member)
	if err != nil {
		return ""
	}
	return text
}

// routeOf reads a local route's pattern or a cloud's path; empty: none of loyalty.
func routeOf(path string) (route, dialect string) {
	dialect, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if dialect != "v2" && dialect != "v2.2" {
		return "", ""
	}
	rest = strings.TrimPrefix(rest, "transaction/")
	switch rest {
	case "coupons":
		return "coupon", dialect
	case "coupons-cancellation":
		return "coupon-cancellation", dialect
	case "start", "message", "pre-apply", "apply", "confirm", "cancel", "products", "operators", "coupons-list":
		return rest, dialect
	}
	return "", ""
}

// Traffic is what passed, read once for all judges.
type Traffic struct {
	calls    []call
	sent     map[string][]call // to the cloud, by route
	byRef    map[string][]call // to the cloud, by the till's call or job that it was for
	visits   []*visit
	bySale   map[string]*visit // by the till's transaction_id
	receipts []*receipt
	members  map[string]bool // whether a document is in the club, as far as the cloud has said it
}

// visit is one shopper's way through the till, as the till sees it.
type visit struct {
	id       string
	document string
	start    *call
	baskets  []basket
	messages []call
	ends     []call // confirm and cancel
	receipt  *receipt
	last     int // index of its last call
}

// basket is one question for discounts with its answer.
type basket struct {
	call
	visit  *visit
	client string // client_id as it was sent
	lines  []cartLine
}

// cartLine is a line of a basket with what became of it.
type cartLine struct {
	sku, ean, quantityText string
	quantity, gross, net   agent.Milli
	reduced                bool // net was sent
	packing                string
	discount, share        agent.Milli // agent.lines of the answer
	answered               bool
}

// receipt is a sale as the till sent it.
type receipt struct {
	call
	id, session, client string
	lines               []receiptLine
	payments            []payment
	gross, net          agent.Milli
}

type receiptLine struct {
	sku, ean, quantityText     string
	quantity, unit, gross, net agent.Milli
	packing                    string
}

type payment struct {
	form   string
	amount agent.Milli
}

// Judged tells whether the judges look at an exchange.
func Judged(x agent.Exchange) bool {
	route, _ := routeOf(x.Route)
	return route != "" && x.Method == "POST"
}

// Read reads exchanges. What is no call of loyalty is left out.
func Read(exchanges []agent.Exchange) *Traffic {
	t := &Traffic{sent: make(map[string][]call), byRef: make(map[string][]call), bySale: make(map[string]*visit), members: make(map[string]bool)}
	carts := make(map[string]call) // v2.2: the last pre-apply of a session
	for i, exchange := range exchanges {
		c := call{Exchange: exchange, index: i}
		if c.route, c.dialect = routeOf(exchange.Route); c.route == "" || exchange.Method != "POST" {
			continue
		}
		_, c.body, _, _ = reading.Document(exchange.Request)    // what is no JSON has no fields
		_, c.answer, _, _ = reading.Document(exchange.Response) // for the same reason
		t.calls = append(t.calls, c)
		t.learn(c)
		if c.till() {
			t.follow(c, carts)
			continue
		}
		t.sent[c.route], t.byRef[c.Ref] = append(t.sent[c.route], c), append(t.byRef[c.Ref], c)
	}
	return t
}

// learn notes who is in the club.
func (t *Traffic) learn(c call) {
	loyalty, ok := c.answer.Get("loyalty")
	if c.route != "start" || !ok || delivery(c) == "contingency" {
		return
	}
	if document := documentOf(c.body); document != "" {
		t.members[document] = loyalty.Kind == rawjson.True || textOf(c.answer, "loyalty") == "1" || textOf(c.answer, "loyalty") == "true"
	}
}

// delivery is how the agent answered a live call: live, contingency or replayed.
func delivery(c call) string {
	if own, ok := c.answer.Get("agent"); ok {
		if said := textOf(own, "delivery"); said != "" {
			return said
		}
	}
	return c.Delivery
}

// documentOf is the document of a start, in either dialect.
func documentOf(body rawjson.Value) string {
	if inner, ok := body.Get("transaction_context"); ok {
		body = inner
	}
	return digits(textOf(body, "document_no"))
}

// digits drops the punctuation of a document.
func digits(text string) string {
	return strings.NewReplacer(".", "", "-", "", "/", "", " ", "").Replace(text)
}

// follow puts a till's call to its visit.
func (t *Traffic) follow(c call, carts map[string]call) {
	id := c.text("transaction_id")
	if c.route == "start" || (c.route == "apply" && id == "") {
		if given := c.said("transaction_id"); given != "" {
			id = given
		}
	}
	if c.route == "coupon" {
		t.sell(c)
		return
	}
	if id == "" || !strings.HasPrefix(c.Route, "/v2") || slices.Contains([]string{"products", "operators", "coupons-list", "coupon-cancellation"}, c.route) {
		return
	}
	v := t.visit(id)
	v.last = c.index
	switch c.route {
	case "start":
		v.start, v.document = &c, documentOf(c.body)
	case "message":
		v.messages = append(v.messages, c)
	case "pre-apply":
		carts[id] = c
	case "apply":
		cart := c.body
		if before, ok := carts[id]; ok && c.dialect == "v2.2" {
			cart = before.body
		}
		v.baskets = append(v.baskets, readBasket(c, cart, v))
	case "confirm", "cancel":
		v.ends = append(v.ends, c)
	}
}

func (t *Traffic) visit(id string) *visit {
	v := t.bySale[id]
	if v == nil {
		v = &visit{id: id}
		t.bySale[id] = v
		t.visits = append(t.visits, v)
	}
	return v
}

func readBasket(c call, cart rawjson.Value, v *visit) basket {
	b := basket{call: c, visit: v, client: textOf(cart, "client_id")}
	items, _ := cart.Get("items")
	for _, item := range items.Elements {
		line := cartLine{sku: textOf(item, "sku"), ean: textOf(item, "ean"), quantityText: raw(item, "quantity"), packing: raw(item, "packing_quantity")}
		line.quantity, line.gross = amount(item, "quantity"), amount(item, "total_value")
		line.net, line.reduced = netOf(item)
		if !line.reduced {
			line.net = line.gross
		}
		b.lines = append(b.lines, line)
	}
	own, _ := c.answer.Get("agent")
	lines, _ := own.Get("lines")
	for i, given := range lines.Elements {
		if i < len(b.lines) {
			b.lines[i].discount, b.lines[i].share, b.lines[i].answered = amount(given, "discount"), amount(given, "absolute_share"), true
		}
	}
	return b
}

// who is the document that the basket is for; empty for nobody.
func (b basket) who() string {
	if client := digits(b.client); client != "" && client != "0" {
		return client
	}
	return b.visit.document
}

// sell reads a receipt. One that the till sends again, byte for byte, is the same sale.
func (t *Traffic) sell(c call) {
	r := &receipt{call: c, id: c.text("coupon"), session: c.text("transaction_id"), client: c.text("client_id"), gross: amount(c.body, "total_value")}
	r.net, _ = netOf(c.body)
	items, _ := c.body.Get("items")
	for _, item := range items.Elements {
		line := receiptLine{sku: textOf(item, "sku"), ean: textOf(item, "ean"), quantityText: raw(item, "quantity"), packing: raw(item, "packing_quantity")}
		line.quantity, line.unit, line.gross = amount(item, "quantity"), amount(item, "unit_value"), amount(item, "total_value")
		line.net, _ = netOf(item)
		r.lines = append(r.lines, line)
	}
	payments, _ := c.body.Get("payments")
	for _, tender := range payments.Elements {
		r.payments = append(r.payments, payment{textOf(tender, "payment_form"), amount(tender, "amount")})
	}
	for _, before := range t.receipts {
		if string(before.Request) == string(c.Request) {
			return
		}
	}
	t.receipts = append(t.receipts, r)
	if v := t.bySale[r.session]; v != nil {
		v.receipt, v.last = r, c.index
	}
}

// netOf reads total_value_with_discount in either spelling.
func netOf(v rawjson.Value) (agent.Milli, bool) {
	for _, name := range []string{"total_value_with_discount", "total_value_with_discounts"} {
		if member, ok := v.Get(name); ok && member.Kind != rawjson.Null {
			return amount(v, name), true
		}
	}
	return 0, false
}

// amount reads a number or a numeric text; 0 for anything else.
func amount(v rawjson.Value, name string) agent.Milli {
	member, _ := v.Get(name)
	text, _ := member.Text()
	value, _, err := reading.Milli(text)
	if err != nil {
		return 0
	}
	return value
}

// raw is a member as it is spelled, without quotes.
func raw(v rawjson.Value, name string) string {
	member, ok := v.Get(name)
	if !ok {
		return ""
	}
	text, _ := member.Text()
	return text
}

// clouds gives the calls of routes to the cloud. The list is shared: it must not be changed.
func (t *Traffic) clouds(routes ...string) []call {
	if len(routes) == 1 {
		return t.sent[routes[0]]
	}
	var list []call
	for _, route := range routes {
		list = append(list, t.sent[route]...)
	}
	slices.SortFunc(list, func(a, b call) int { return a.index - b.index })
	return list
}

// accepted finds the first call of a route to the cloud that succeeded and that match tells.
func (t *Traffic) accepted(route string, match func(call) bool) (call, bool) {
	for _, c := range t.clouds(route) {
		if c.ok() && match(c) {
			return c, true
		}
	}
	return call{}, false
}

// end gives the visit's confirm or cancel.
func (v *visit) end(route string) (call, bool) {
	for _, c := range v.ends {
		if c.route == route {
			return c, true
		}
	}
	return call{}, false
}
