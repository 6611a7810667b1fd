package mercafacilsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
)

// milli is an exact decimal in thousandths: money, units, kilograms, percent.
type milli = agent.Milli

// decimal reads a JSON number or numeric string exactly (mercafacil.md 3.0).
type decimal struct{ milli }

// UnmarshalJSON takes what the contract calls decimal.
func (d *decimal) UnmarshalJSON(text []byte) error {
	var spelled string
	if json.Unmarshal(text, &spelled) != nil {
		spelled = string(text)
	}
	value, err := rounded(spelled)
	d.milli = value
	return err
}

// rounded reads any JSON number as a cloud that reckons with decimals does: to three places, half away from zero.
func rounded(spelled string) (milli, error) {
	switch about, err := strconv.ParseFloat(spelled, 64); {
	case err != nil || math.Abs(about) >= 1e12:
		return 0, fmt.Errorf("%.30q is no amount", spelled)
	case math.Abs(about) < 1e-9:
		return 0, nil
	}
	exact, ok := new(big.Rat).SetString(spelled)
	if !ok || !json.Valid([]byte(spelled)) {
		return 0, fmt.Errorf("%.30q is no JSON number", spelled)
	}
	thousandths, ok := new(big.Int).SetString(exact.Mul(exact, big.NewRat(1000, 1)).FloatString(0), 10)
	if !ok {
		return 0, fmt.Errorf("%.30q is no amount", spelled)
	}
	return milli(thousandths.Int64()), nil
}

// MarshalJSON spells it as a number.
func (d decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// code is an id that may come as a number (mercafacil.md 3.0).
type code string

// UnmarshalJSON takes a string, or a number as it is spelled.
func (c *code) UnmarshalJSON(text []byte) error {
	var spelled string
	if json.Unmarshal(text, &spelled) != nil {
		spelled = string(text)
	}
	*c = code(spelled)
	return nil
}

// Offer is one running offer of the retailer.
//
//	percentage   Percent off Product, from Minimum units on, for Maximum units of a shopper at most (0: no limit)
//	takepay      take Take, pay Pay, MaximumPerClient groups of a shopper at most (0: no limit)
//	combo        each group of one trigger unlocks one unit of Product at Percent off, MaximumPerClient groups at most
//	absolute     Value off the total, which the till shares among its lines
//	payment      Value as a form of payment
type Offer struct {
	ID               string    `json:"id"`
	Type             string    `json:"type"`
	Product          code      `json:"product,omitempty"` // sku or ean
	Percent          decimal   `json:"percent,omitzero"`
	Minimum          decimal   `json:"minimum,omitzero"`
	Maximum          decimal   `json:"maximum,omitzero"`
	Take             int       `json:"take,omitempty"`
	Pay              int       `json:"pay,omitempty"`
	Triggers         []Trigger `json:"triggers,omitempty"`
	MaximumPerClient int       `json:"maximum_per_client,omitempty"`
	Value            decimal   `json:"value,omitzero"`
	Documents        []string  `json:"documents,omitempty"` // personalised: for these shoppers only
	Club             bool      `json:"club,omitempty"`      // for every member of the club, and nobody else
}

// Trigger is a product of which Quantity units unlock a combo.
type Trigger struct {
	Product  code `json:"product"`
	Quantity int  `json:"quantity"`
}

const hundred = 100_000

func (o *Offer) check() error {
	percent := o.Percent.milli > 0 && o.Percent.milli <= hundred
	switch {
	case o.ID == "":
		return errors.New("id is missing")
	case o.MaximumPerClient < 0 || o.Minimum.milli < 0 || o.Maximum.milli < 0:
		return errors.New("limits must not be negative")
	}
	switch o.Type {
	case "percentage":
		if o.Product == "" || !percent {
			return errors.New("percentage wants product, and percent above 0 and up to 100")
		}
	case "takepay":
		if o.Product == "" || o.Pay < 0 || o.Take <= o.Pay {
			return errors.New("takepay wants product, and take above pay")
		}
	case "combo":
		if o.Product == "" || !percent || len(o.Triggers) == 0 || slices.ContainsFunc(o.Triggers, func(t Trigger) bool { return t.Product == "" || t.Quantity < 1 }) {
			return errors.New("combo wants product, percent, and triggers with product and quantity")
		}
	case "absolute", "payment":
		if o.Value.milli <= 0 {
			return fmt.Errorf("%s wants a positive value", o.Type)
		}
	default:
		return errors.New("type must be percentage, takepay, combo, absolute or payment")
	}
	return nil
}

// AddOffer puts an offer into the shop; one with the same id is replaced.
func (s *Sim) AddOffer(text string) error {
	var offer Offer
	if err := simkit.Decode(text, &offer); err != nil {
		return err
	}
	if err := offer.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.state.offers, func(o *Offer) bool { return o.ID == offer.ID }); i >= 0 {
		s.state.offers[i] = &offer
		return nil
	}
	s.state.offers = append(s.state.offers, &offer)
	return nil
}

// Offers gives the running ones.
func (s *Sim) Offers() []Offer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.Values(s.state.offers)
}

// DropOffers ends every offer and forgets what was used of them.
func (s *Sim) DropOffers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.offers = nil
	clear(s.state.usage)
}

// Used gives how many units or groups of an offer a shopper has used in confirmed sales.
func (s *Sim) Used(offer, document string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.usage[offer+"|"+document].String()
}

// isFor tells whether the shopper may have the offer. user is empty when not identified.
func (o *Offer) isFor(user string, member bool) bool {
	switch {
	case len(o.Documents) > 0:
		return slices.Contains(o.Documents, user)
	case o.Club:
		return member
	}
	return true
}
