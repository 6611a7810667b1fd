// Package homologation knows the vendor's homologation: the plan as data ([Load]), and the judges ([Plan.Judge]), which tell from
// the exchanges that passed whether an item was done and done right. The judges read the till's and the cloud's own bytes, and
// share nothing with package mercafacil: who reads with the client's code repeats its mistakes.
//
// It does nothing itself: agent/ops/homologation runs the plan and listens to the till, the commands print it.
package homologation

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

//go:embed plan-*.json
var plans embed.FS

// Script is the version of the vendor's script that is in force. A later one is another file of the same form.
const Script = "v2.0"

// Plan is a version of the vendor's script, with the people, products and offers that it needs. Its texts are Portuguese.
type Plan struct {
	Vendor   string    `json:"vendor"`
	Script   string    `json:"script"`
	Stages   []Stage   `json:"stages"`
	People   []Person  `json:"people"`
	Products []Product `json:"products"`
	Offers   []Offer   `json:"offers"`
	Items    []Item    `json:"items"`
}

// Stage is a stage of the vendor's checklist.
type Stage struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Person is a shopper of the tests. Documents of the plan belong to nobody, and are shown in clear.
type Person struct {
	Role     string `json:"role"`
	Name     string `json:"name"`
	Document string `json:"document"`
	Member   bool   `json:"member"`
	Notice   string `json:"notice,omitempty"` // of the club: card or app
}

// Nobody is the role of a shopper who is not identified.
const Nobody = "ninguem"

// Product is a product of the tests.
type Product struct {
	Role    string `json:"role"`
	SKU     string `json:"sku"`
	EAN     string `json:"ean"`
	Name    string `json:"name"`
	Price   string `json:"price"` // of a unit or a kilogram
	Weighed bool   `json:"weighed,omitempty"`
	Packing string `json:"packing,omitempty"` // units in the package, default 1
}

// Offer is one that runs while an item is done. Its title is for the person who registers it; Offer is how the sandbox takes it,
// with roles for products and documents.
type Offer struct {
	Role  string          `json:"role"`
	Title string          `json:"title"`
	Offer json.RawMessage `json:"offer"`
}

// By says who can tell that an item is done.
type By string

// The ways.
const (
	Machine By = "machine" // what passes shows it
	Human   By = "person"  // a person answers
	Pilot   By = "pilot"   // in production, at the pilot customer
)

// Item is a line of the vendor's checklist, or an assumption that what passes answers.
type Item struct {
	ID          string   `json:"id"`
	Stage       string   `json:"stage"`
	Group       string   `json:"group,omitempty"`
	Manual      []string `json:"manual"` // codes of mercafacil.md section 2; A: an assumption
	By          By       `json:"by"`
	Judge       string   `json:"judge,omitempty"`    // a name of [judges]; empty: only a person knows
	Contract    string   `json:"contract,omitempty"` // of an assumption: words of its line in mercafacil.md
	Title       string   `json:"title"`
	Instruction string   `json:"instruction"` // {role} stands for a document or a product
	Seen        string   `json:"seen"`        // what must be seen
	Exchanges   []string `json:"exchanges,omitempty"`
	Needs       Needs    `json:"needs,omitzero"`
	Steps       []Step   `json:"steps,omitempty"`
}

// Needs is what must be there before an item is done.
type Needs struct {
	Offers   []string `json:"offers,omitempty"`
	People   []string `json:"people,omitempty"`
	Products []string `json:"products,omitempty"`
	Outage   bool     `json:"outage,omitempty"`
}

// Step is one thing that a till does.
//
//	identify   Who gives the document
//	answer     the shopper says yes or no to the message
//	basket     Lines are asked for, for Who; Again: in the session of the basket before
//	finish     the basket is confirmed and sold; Note: with that document for the tax note, which no cloud must see
//	abandon    the sale is given up
//	void       the last sale is cancelled
//	load       Records of Route go up: first, or changed
//	outage     the cloud is away until restore
//	probe      the kit itself asks the cloud what the contract only supposes
type Step struct {
	Do       string   `json:"do"`
	Who      string   `json:"who,omitempty"`
	Lines    []Line   `json:"lines,omitempty"`
	Again    bool     `json:"again,omitempty"`
	Tenders  int      `json:"tenders,omitempty"` // forms of payment, default 1
	Note     string   `json:"note,omitempty"`
	Say      string   `json:"say,omitempty"`
	Route    string   `json:"route,omitempty"`
	Records  string   `json:"records,omitempty"`
	Probe    string   `json:"probe,omitempty"`
	Expect   []Expect `json:"expect,omitempty"`
	Absolute string   `json:"absolute,omitempty"` // expected discount of the total
	Payment  string   `json:"payment,omitempty"`  // expected discount as a form of payment
}

// Line is one line of a basket.
type Line struct {
	Product  string `json:"product"`
	Quantity string `json:"quantity"`
	Own      string `json:"own,omitempty"` // discount of the till itself
}

// Expect is the discount that a product must get: percent off so many of its units.
type Expect struct {
	Product string `json:"product"`
	Percent string `json:"percent"`
	Units   string `json:"units"`
}

// Load reads a version of the script.
func Load(script string) (*Plan, error) {
	text, err := plans.ReadFile("plan-" + script + ".json")
	if err != nil {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Não há o roteiro %q; há: %s.", script, strings.Join(Scripts(), ", "))
	}
	return Parse(text)
}

// Scripts are the versions that can be loaded.
func Scripts() []string {
	var list []string
	entries, _ := plans.ReadDir(".") // embedded: it cannot fail
	for _, entry := range entries {
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(entry.Name(), "plan-"), ".json"))
	}
	return list
}

// Parse reads a plan, strictly, and refuses one that names what it does not have.
func Parse(text []byte) (*Plan, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	plan := &Plan{}
	if err := decoder.Decode(plan); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands after the plan")
	}
	return plan, plan.check()
}

// Person finds a role.
func (p *Plan) Person(role string) (Person, bool) { return find(p.People, role, Person.key) }

// Product finds a role.
func (p *Plan) Product(role string) (Product, bool) { return find(p.Products, role, Product.key) }

// Offer finds a role.
func (p *Plan) Offer(role string) (Offer, bool) { return find(p.Offers, role, Offer.key) }

// Item finds an id, in any case of letters.
func (p *Plan) Item(id string) (Item, bool) {
	return find(p.Items, strings.ToUpper(id), func(i Item) string { return i.ID })
}

func (p Person) key() string  { return p.Role }
func (p Product) key() string { return p.Role }
func (o Offer) key() string   { return o.Role }

func find[T any](list []T, key string, keyOf func(T) string) (T, bool) {
	i := slices.IndexFunc(list, func(one T) bool { return keyOf(one) == key })
	if i < 0 {
		var none T
		return none, false
	}
	return list[i], true
}

// Watchable tells whether a till can do the item while somebody looks: it has steps, and none that only the kit can do.
func (i Item) Watchable() bool {
	return len(i.Steps) > 0 && !slices.ContainsFunc(i.Steps, func(s Step) bool { return s.Do == "probe" })
}

// Bind puts products of the shop in the place of the plan's: role to sku, or to sku:ean.
func (p *Plan) Bind(products map[string]string) error {
	for role, code := range products {
		i := slices.IndexFunc(p.Products, func(product Product) bool { return product.Role == role })
		sku, ean, _ := strings.Cut(code, ":")
		if i < 0 || sku == "" {
			return fmt.Errorf("não há o produto %q no roteiro, ou falta o código dele", role)
		}
		p.Products[i].SKU, p.Products[i].EAN = sku, ean
	}
	return nil
}

// Documents are the plan's own: they may be shown.
func (p *Plan) Documents() []string {
	list := make([]string, 0, len(p.People))
	for _, person := range p.People {
		list = append(list, person.Document)
	}
	return list
}

// Fill puts documents, with their punctuation, and products in the place of {role}.
func (p *Plan) Fill(text string) string {
	var pairs []string
	for _, person := range p.People {
		pairs = append(pairs, "{"+person.Role+"}", kindOfDocument(person.Document)+" "+Punctuated(person.Document))
	}
	for _, product := range p.Products {
		pairs = append(pairs, "{"+product.Role+"}", "produto "+product.SKU)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func kindOfDocument(document string) string {
	if len(document) == 14 {
		return "CNPJ"
	}
	return "CPF"
}

// Punctuated writes a CPF or CNPJ as people read it.
func Punctuated(document string) string {
	switch len(document) {
	case 11:
		return document[:3] + "." + document[3:6] + "." + document[6:9] + "-" + document[9:]
	case 14:
		return document[:2] + "." + document[2:5] + "." + document[5:8] + "/" + document[8:12] + "-" + document[12:]
	}
	return document
}

func (p *Plan) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, person := range p.People {
		if _, ok := agent.ParseDocument(person.Document); !ok {
			fault("person %s has no document", person.Role)
		}
	}
	for _, product := range p.Products {
		if _, _, err := reading.Milli(product.Price); err != nil || product.SKU == "" || product.EAN == "" {
			fault("product %s lacks sku, ean or price", product.Role)
		}
	}
	ids := make(map[string]bool)
	for _, item := range p.Items {
		if item.ID == "" || ids[item.ID] {
			fault("item %q has no id of its own", item.ID)
		}
		ids[item.ID] = true
		if err := p.checkItem(item); err != nil {
			fault("item %s: %w", item.ID, err)
		}
	}
	return errors.Join(faults...)
}

func (p *Plan) checkItem(item Item) error {
	_, judged := judges()[item.Judge]
	switch {
	case item.Title == "" || item.Instruction == "" || item.Seen == "" || len(item.Manual) == 0:
		return errors.New("title, instruction, seen or manual is missing")
	case !slices.ContainsFunc(p.Stages, func(s Stage) bool { return s.ID == item.Stage }):
		return fmt.Errorf("no stage %q", item.Stage)
	case !slices.Contains([]By{Machine, Human, Pilot}, item.By):
		return fmt.Errorf("by %q", item.By)
	case item.Judge != "" && !judged:
		return fmt.Errorf("no judge %q", item.Judge)
	case item.By == Machine && (item.Judge == "" || len(item.Steps) == 0):
		return errors.New("a machine needs steps and a judge")
	case strings.ContainsAny(p.Fill(item.Instruction), "{}"):
		return errors.New("the instruction names a role that is not there")
	}
	for _, role := range item.Needs.Offers {
		if _, ok := p.Offer(role); !ok {
			return fmt.Errorf("no offer %q", role)
		}
	}
	for i, step := range item.Steps {
		if err := p.checkStep(step, item.Needs); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *Plan) checkStep(step Step, needs Needs) error {
	if !slices.Contains([]string{"identify", "answer", "basket", "finish", "abandon", "void", "load", "outage", "restore", "probe"}, step.Do) {
		return fmt.Errorf("do %q", step.Do)
	}
	for _, role := range []string{step.Who, step.Note} {
		if _, ok := p.Person(role); role != "" && role != Nobody && (!ok || !slices.Contains(needs.People, role)) {
			return fmt.Errorf("person %q is not there, or not needed", role)
		}
	}
	for _, line := range step.Lines {
		if _, ok := p.Product(line.Product); !ok || !slices.Contains(needs.Products, line.Product) {
			return fmt.Errorf("product %q is not there, or not needed", line.Product)
		}
		if _, _, err := reading.Milli(line.Quantity); err != nil {
			return err
		}
	}
	for _, expect := range step.Expect {
		if _, ok := p.Product(expect.Product); !ok {
			return fmt.Errorf("product %q is not there", expect.Product)
		}
	}
	if step.Do == "outage" && !needs.Outage {
		return errors.New("the outage is not needed")
	}
	return nil
}
