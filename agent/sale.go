package agent

// Sale is a receipt as far as the agent reads it; the rest of the till's body travels untouched. Values are in
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
	Quantity Milli // units or kilograms
	Packing  Milli // units in the package; 1.000 when not given
	Unit     Milli // price of one
	Total    Milli // gross of the line
	Net      Milli // with discount
}

// Payment is one tender of a receipt.
type Payment struct {
	Form   string
	Amount Milli
}
