package ideamaker

import (
	"context"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
)

// Gateway is the provider of plain charges (ideamaker.md 1.2).
type Gateway struct{ *Client }

// charge is the body of POST /pix.
type charge struct {
	Amount       agent.Cents `json:"amount"` // cents
	Expire       int         `json:"expire"` // seconds
	PaymentID    string      `json:"paymentId"`
	Instructions string      `json:"instructions"`
	CustomCode   string      `json:"customCode"`
	Customer     *customer   `json:"customer,omitempty"`
}

type customer struct {
	Name           string `json:"name,omitempty"`
	DocumentNumber string `json:"documentNumber,omitempty"`
}

// Charge makes a Pix charge. Its custom code is the protocol, or the till's reference, or the payment's id.
func (g Gateway) Charge(ctx context.Context, p payments.Payment) (payments.Charge, error) {
	attempt := p.Last()
	body := charge{
		Amount: p.Amount, Expire: p.ExpiresIn, PaymentID: attempt.ExternalID, Instructions: p.Text,
		CustomCode: firstOf(attempt.Protocol, p.Reference, p.ID),
	}
	if p.Customer.Name != "" || p.Customer.Document != "" {
		body.Customer = &customer{p.Customer.Name, p.Customer.Document}
	}
	request, err := post("pix", body)
	if err != nil {
		return payments.Charge{}, err
	}
	var answer struct {
		refusal
		ID     wire `json:"id"`
		Amount wire `json:"amount"`
		QRCode wire `json:"qrCode"`
	}
	if err := read(g.gateway.Do(ctx, request), &answer); err != nil {
		return payments.Charge{}, err
	}
	switch {
	case answer.ID == "" && answer.any():
		return payments.Charge{}, &payments.Failure{Class: payments.Declined, Detail: "an error inside a 200"}
	case answer.ID == "" || !plainID(string(answer.ID)):
		return payments.Charge{}, payments.Misread("a charge without an id")
	}
	amount, ok := answer.Amount.cents()
	if !ok && answer.Amount != "" {
		amount = -1 // it says one that is none: not ours
	}
	return payments.Charge{GatewayID: string(answer.ID), BRCode: string(answer.QRCode), Amount: amount}, nil
}

// Status asks for a charge by the gateway's id. The amount that came is amountPaid where the gateway says it ([ASSUMPTION]:
// only its webhook is known to), else the charge's amount.
func (g Gateway) Status(ctx context.Context, _ payments.Payment, a payments.Attempt) (payments.Status, error) {
	var answer struct {
		refusal
		ID         wire `json:"id"`
		Amount     wire `json:"amount"`
		AmountPaid wire `json:"amountPaid"`
		Status     wire `json:"status"`
		PaidAt     wire `json:"paidAt"`
		Metadata   struct {
			PaymentID wire `json:"paymentId"`
		} `json:"metadata"`
	}
	if err := read(g.gateway.Do(ctx, get("pix/"+escaped(a.GatewayID), "/pix/{id}")), &answer); err != nil {
		return payments.Status{}, err
	}
	if answer.Status == "" {
		return payments.Status{}, payments.Misread("an answer without a status")
	}
	if foreign := answer.ID != "" && string(answer.ID) != a.GatewayID || answer.Metadata.PaymentID != "" && string(answer.Metadata.PaymentID) != a.ExternalID; foreign {
		return payments.Status{}, payments.Misread("the answer is about another charge")
	}
	status := payments.Status{Condition: payments.Pending, Word: word(string(answer.Status))}
	if status.Word != "paid" && status.Word != "confirmed" {
		return status, nil
	}
	status.Condition = payments.Received
	paid := answer.AmountPaid
	if paid == "" {
		paid = answer.Amount
	}
	var ok bool
	if status.Amount, ok = paid.cents(); !ok {
		status.Amount = -1 // unreadable: certainly not what was asked
	}
	status.PaidAt, _ = time.Parse(time.RFC3339, string(answer.PaidAt)) // zero where it is not said
	return status, nil
}

// word bounds a condition's spelling for logs and histories.
func word(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	for i := range len(text) {
		if c := text[i]; i == 30 || (c < 'a' || c > 'z') && c != '_' {
			return text[:i]
		}
	}
	return text
}

// plainID is an id that may stand in a path.
func plainID(text string) bool {
	if len(text) == 0 || len(text) > 100 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
