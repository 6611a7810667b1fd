package agent

import "math/big"

// Sale is the part of a receipt that the agent reads; the rest of the till's body passes unchanged. Values are in
// thousandths of a real, as the loyalty wire gives them (contracts/mercafacil.md 3.7).
type Sale struct {
	Coupon     string // empty: the agent makes one
	Session    string // transaction_id
	ClientID   string // club identification, "0" or empty
	Date, Time string // shop's local time, YYYY-MM-DD and HH:MM:SS
	Till       string // pdv_code
	Operator   string // operator_id
	Total      Milli  // gross
	Net        Milli  // total_value_with_discount
	Items      []Item
	Payments   []Payment
}

// Item is one line of a receipt.
type Item struct {
	SKU, EAN string
	Quantity Milli    // units or kilograms
	Inexact  bool     // the quantity came with more than three decimals: it is no count
	Packing  Milli    // units in the package; 1.000 when not given
	Unit     *big.Rat // price of one, with all its decimals: it informs
	Total    Milli    // gross of the line
	Net      Milli    // with discount
}

// Payment is one tender of a receipt.
type Payment struct {
	Form   string
	Amount Milli
}

// CartLine is one line of a basket as the till sends it for discounts (contracts/mercafacil.md 3.4). Values are in
// thousandths of a real.
type CartLine struct {
	SKU, EAN string
	Packing  Milli // units in the package; 0 when not given
	Quantity Milli // units or kilograms
	Gross    Milli // total_value of the line
	Net      Milli // reduced by the till's own offers (R26); Gross when there is none
}

// OfferedLine is one line of the cloud's answer to a basket.
type OfferedLine struct {
	SKU, EAN string
	Packing  Milli // 0 when not given
	Quantity Milli
	Without  Milli
	Discount Milli
	With     Milli
	Rounded  bool  // the cloud's discount has more than three decimals
	InCents  Milli // of a rounded one: the discount in whole cents
}

// Offered is what the cloud gives on a basket.
type Offered struct {
	Lines    []OfferedLine
	Absolute Milli // off the total, to be shared among the lines (R31)
	Payment  Milli // a tender of its own (R32)

	Exact *big.Rat // all of it as the cloud's figures say, before anything is rounded
}

// LineShare is what one line of the till gets.
type LineShare struct {
	Discount Milli // on the line itself
	Absolute Milli // its share of the discount on the total
	Total    Milli // what is left of the line
}
