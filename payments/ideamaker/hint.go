package ideamaker

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Hint is what a notice of the gateway points at. Nothing else of a notice is believed: anybody can send one.
type Hint struct {
	GatewayID  string // event.data.pix.id
	ExternalID string // event.data.pix.paymentId
}

// ReadHint takes a notice in the contract's three envelopes (1.4, 7): data.payload.event, event, or bare; the first also
// inside jsonPayload, as the vendor's document prints it.
func ReadHint(body []byte) (Hint, error) {
	type event struct {
		Type string `json:"type"`
		Data struct {
			Pix struct {
				ID        wire `json:"id"`
				PaymentID wire `json:"paymentId"`
			} `json:"pix"`
		} `json:"data"`
	}
	type delivery struct {
		Data struct {
			Payload struct {
				Event *event `json:"event"`
			} `json:"payload"`
		} `json:"data"`
	}
	var notice struct {
		delivery
		Event       *event   `json:"event"`
		JSONPayload delivery `json:"jsonPayload"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&notice); err != nil {
		return Hint{}, errors.New("a notice that is no JSON object")
	}
	found := notice.Event
	for _, inner := range []*event{notice.Data.Payload.Event, notice.JSONPayload.Data.Payload.Event} {
		if found == nil {
			found = inner
		}
	}
	if found == nil {
		found = new(event)
		if err := json.Unmarshal(body, found); err != nil {
			return Hint{}, errors.New("a notice that cannot be read")
		}
	}
	hint := Hint{string(found.Data.Pix.ID), string(found.Data.Pix.PaymentID)}
	if found.Type != "pix" || !plainID(hint.GatewayID) {
		return Hint{}, errors.New("a notice about no Pix")
	}
	return hint, nil
}
