package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// Columns is the shape of an ERP's list: a line per sale (coupon, value), or per till (till, count, value).
func Columns() agent.LoadShape {
	return agent.LoadShape{Key: "value", Fields: []agent.LoadField{
		{Name: "coupon", Type: agent.TextField, Code: true},
		{Name: "till", Type: agent.TextField, Code: true},
		{Name: "count", Type: agent.DecimalField},
		{Name: "value", Type: agent.DecimalField, Required: true},
	}}
}

// Line is a line of an ERP's list.
type Line struct {
	Coupon string
	Till   string
	Count  int
	Value  agent.Cents
}

// ReadERP reads an ERP's list. A line that cannot be read is an error: half a list must not be compared.
func ReadERP(ctx context.Context, opened source.Opened) ([]Line, error) {
	var lines []Line
	for record := range opened.Records(ctx) {
		if record.Fault != nil {
			return nil, agent.Errorf(agent.CodeInvalid, nil, "%s: %s %s", record.Place, record.Fault.Field, record.Fault.Detail)
		}
		row, err := rawjson.Parse(record.Body)
		if err != nil {
			return nil, err
		}
		text := func(name string) string {
			value, _ := row.Get(name)
			text, _ := value.Text()
			return text
		}
		value, _, err := reading.Cents(text("value"))
		count, _, countErr := reading.Milli(cmp.Or(text("count"), "1"))
		if err := errors.Join(err, countErr); err != nil || (text("coupon") == "" && text("till") == "") {
			return nil, agent.Errorf(agent.CodeInvalid, err, "%s: a linha precisa de value, e de coupon (venda a venda) ou till e count (totais).", record.Place)
		}
		lines = append(lines, Line{text("coupon"), text("till"), int(count / 1000), value})
	}
	return lines, opened.Err()
}

// Difference is a difference between the agent and the ERP.
type Difference struct {
	Coupon string       `json:"coupon,omitempty"` // empty: of a till's totals
	Till   string       `json:"till"`
	What   string       `json:"what"` // only_erp, only_agent, value, count
	ERP    *agent.Cents `json:"erp"`
	Agent  *agent.Cents `json:"agent"`
	Fate   Fate         `json:"fate,omitempty"`
	Words  string       `json:"words"` // Portuguese
}

// Compare lists the differences: sale by sale when the ERP's list has coupons, else till by till. Cancelled and held sales
// are not expected in the ERP.
func Compare(report Report, erp []Line) []Difference {
	if len(erp) > 0 && erp[0].Coupon == "" {
		return compareTills(report, erp)
	}
	var list []Difference
	theirs := make(map[string]Line)
	for _, line := range erp {
		if first, twice := theirs[line.Coupon]; twice {
			list = append(list, Difference{Coupon: line.Coupon, Till: line.Till, What: "only_erp", ERP: &line.Value, Words: fmt.Sprintf("está duas vezes no ERP (%s e %s)", first.Value.Reais(), line.Value.Reais())})
			continue
		}
		theirs[line.Coupon] = line
	}
	for _, sale := range report.Sales {
		line, there := theirs[sale.Coupon]
		delete(theirs, sale.Coupon)
		revenue := sale.Fate != Cancelled && sale.Fate != Held
		d := Difference{Coupon: sale.Coupon, Till: sale.Till, Agent: &sale.Value, Fate: sale.Fate}
		switch {
		case there && !revenue:
			d.What, d.ERP, d.Words = "only_erp", &line.Value, "no ERP é uma venda; aqui está "+inWords(sale.Fate)
		case there && line.Value != sale.Value:
			d.What, d.ERP, d.Words = "value", &line.Value, fmt.Sprintf("vale %s no ERP e %s aqui", line.Value.Reais(), sale.Value.Reais())
		case !there && revenue:
			d.What, d.Words = "only_agent", "não está no ERP; aqui está "+inWords(sale.Fate)
		default:
			continue
		}
		list = append(list, d)
	}
	for _, coupon := range slices.Sorted(maps.Keys(theirs)) {
		line := theirs[coupon]
		list = append(list, Difference{Coupon: coupon, Till: line.Till, What: "only_erp", ERP: &line.Value, Words: "está no ERP e nunca chegou a este agente"})
	}
	return list
}

func compareTills(report Report, erp []Line) []Difference {
	var list []Difference
	ours := make(map[string]Amount)
	for _, t := range report.Tills {
		ours[t.Till] = Amount{t.Accepted.Count - t.Cancelled.Count, t.Accepted.Value - t.Cancelled.Value}
	}
	for _, line := range erp {
		mine, there := ours[line.Till]
		delete(ours, line.Till)
		d := Difference{Till: line.Till, ERP: &line.Value, Agent: &mine.Value}
		switch {
		case !there:
			d.What, d.Agent, d.Words = "only_erp", nil, "tem vendas no ERP e nenhuma aqui"
		case mine.Count != line.Count:
			d.What, d.Words = "count", fmt.Sprintf("%d vendas no ERP e %d aqui", line.Count, mine.Count)
		case mine.Value != line.Value:
			d.What, d.Words = "value", fmt.Sprintf("%s no ERP e %s aqui", line.Value.Reais(), mine.Value.Reais())
		default:
			continue
		}
		list = append(list, d)
	}
	for _, till := range slices.Sorted(maps.Keys(ours)) {
		mine := ours[till]
		if mine.Count > 0 {
			list = append(list, Difference{Till: till, What: "only_agent", Agent: &mine.Value, Words: "tem vendas aqui e nenhuma no ERP"})
		}
	}
	return list
}

func inWords(fate Fate) string {
	return strings.TrimSpace(map[Fate]string{
		Delivered: "entregue à nuvem", Cancelled: "cancelada", Pending: "esperando para ser enviada", Dead: "recusada pela nuvem", Held: "retida",
	}[fate])
}
