package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"pdvagent/agent/till/web"
	"pdvagent/payments/boleto"
)

// decodeBoleto reads a line or a barcode of either kind, or says in Portuguese where it is wrong.
func (a *API) decodeBoleto(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	text := f.text("line", true, 200)
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	slip, err := boleto.Parse(text, a.cfg.Agent.Now().In(a.cfg.Agent.Zone))
	if wrong, ok := errors.AsType[*boleto.Error](err); ok {
		problem(w, r, oneFault("line", "invalid", slipDetail(wrong)), "")
		return
	}
	v := map[string]any{"kind": slip.Kind, "barcode": slip.Barcode, "digitable_line": slip.Line, "printed": slip.Printed(), "amount": slip.Amount, "due_date": nil}
	if slip.NoValue {
		v["amount"] = nil
	}
	if slip.Kind == boleto.KindCollection {
		v["segment"], v["company"] = slip.Segment, slip.Company
	} else {
		v["bank"], v["due_factor"] = slip.Bank, slip.Factor
		if !slip.Due.IsZero() {
			v["due_date"] = slip.Due.Format(time.DateOnly)
		}
		if field, ok := boleto.ReadSicoob(slip.Barcode); ok {
			v["sicoob"] = map[string]any{"cooperative": field.Cooperative, "client": field.Client, "modality": field.Modality, "nosso_numero": strconv.Itoa(field.NossoNumero), "parcel": field.Parcel}
		}
	}
	web.JSON(w, http.StatusOK, v)
}
