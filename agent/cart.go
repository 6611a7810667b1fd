package agent

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
}

// Offered is what the cloud gives on a basket.
type Offered struct {
	Lines    []OfferedLine
	Absolute Milli // off the total, to be shared among the lines (R31)
	Payment  Milli // a tender of its own (R32)
}

// LineShare is what one line of the till gets.
type LineShare struct {
	Discount Milli // on the line itself
	Absolute Milli // its share of the discount on the total
	Total    Milli // what is left of the line
}
