package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pdvagent/agent"
)

// Provider is a vendor that can be paid through. A payment is handed over as it is on disk; its last attempt is the one
// that is meant. Every error is a [Failure].
type Provider interface {
	// Charge makes the code that is shown. The same external id is never used twice.
	Charge(ctx context.Context, p Payment) (Charge, error)
	// Status asks for one attempt that has a gateway id.
	Status(ctx context.Context, p Payment, a Attempt) (Status, error)
}

// Registrar is a provider that must know of the sale before it is charged.
type Registrar interface {
	// Register gives the vendor's protocol. One that is registered and never paid costs nothing.
	Register(ctx context.Context, p Payment) (protocol string, err error)
}

// Confirmer is a provider that must be told of the money.
type Confirmer interface {
	// Known gives what the vendor has of this payer, by marks, before the first confirm.
	Known(ctx context.Context, p Payment) ([]string, error)
	// Confirm says that it is paid, and gives what the payer receives.
	Confirm(ctx context.Context, p Payment) (json.RawMessage, error)
	// Confirmed looks whether a confirm without an answer arrived: what it brought, or nil.
	Confirmed(ctx context.Context, p Payment) (json.RawMessage, error)
}

// Charge is what a vendor gave.
type Charge struct {
	GatewayID string
	BRCode    string
	QR        []byte      // PNG; nil: drawn here
	Amount    agent.Cents // that it says; 0 where it says none
	ExpiresAt time.Time   // zero where it says none
}

// Condition is what a vendor says of a charge.
type Condition string

// The conditions. A word that is not known is pending: it never means paid.
const (
	Pending  Condition = "pending"
	Received Condition = "received"
)

// Status is a vendor's answer about a charge.
type Status struct {
	Condition Condition
	Amount    agent.Cents // that came; of a condition Received
	PaidAt    time.Time   // zero where it is not said
	Word      string      // as the vendor spelled the condition
}

// Class says what a failed call means for the next one.
type Class string

// The classes (contracts/pix.md section 6).
const (
	Declined     Class = "declined"     // the vendor read it and says no: for good
	Unauthorized Class = "unauthorized" // our key: nothing happened
	NotFound     Class = "not_found"    //
	Busy         Class = "busy"         // later: nothing happened
	Away         Class = "away"         // not reached: nothing happened
	Lost         Class = "lost"         // no answer, or none that can be read: it may have happened
)

// Failure is why a vendor did not do what was asked.
type Failure struct {
	Class      Class
	Detail     string        // for support; no body, no personal data
	Says       string        // the vendor's own sentence for people, where it gives one
	RetryAfter time.Duration // as the vendor asked
	Misread    bool          // of [Lost]: there was an answer, and it cannot be understood
}

// Misread is an answer that cannot be understood: detail names its shape, never its values.
func Misread(detail string) *Failure { return &Failure{Class: Lost, Detail: detail, Misread: true} }

func (f *Failure) Error() string { return string(f.Class) + ": " + f.Detail }

// FailureOf gives the failure in an error; one that is none is as good as no answer.
func FailureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Class: Lost, Detail: err.Error()}
}

// Check says what an exchange that was not a right answer means; nil where it was one.
func Check(o agent.Outcome) error {
	f := &Failure{Detail: o.Detail, RetryAfter: o.RetryAfter}
	switch o.Class {
	case agent.ClassOK:
		return nil
	case agent.ClassUnreachable:
		f.Class = Away
		return f
	case agent.ClassStatus:
		f.Class, f.Detail = classOf(o.Status), fmt.Sprintf("HTTP %d", o.Status)
		return f
	}
	f.Class, f.Misread = Lost, o.Class == agent.ClassForeign
	return f
}

func classOf(status int) Class {
	switch {
	case status == 401 || status == 403:
		return Unauthorized
	case status == 404 || status == 410:
		return NotFound
	case status == 408 || status == 425 || status == 429 || status == 503:
		return Busy
	case status >= 500:
		return Lost // it may have been done all the same
	}
	return Declined
}

// Words is a failure for the cashier. vendor is its name; one that is masculine comes with its article, as in "o Sicoob".
func (f *Failure) Words(vendor string) string {
	name, masculine := strings.CutPrefix(vendor, "o ")
	subject := map[bool]string{false: "A ", true: "O "}[masculine] + name
	says := strings.TrimSuffix(f.Says, ".") + "."
	switch {
	case f.Class == Declined && f.Says != "":
		return subject + " recusou o pedido: " + says
	case f.Class == Unauthorized && f.Says != "":
		return says
	case f.Class == Declined:
		return subject + " recusou o pedido. Confira os dados e tente de novo; se continuar, chame o suporte."
	case f.Class == Unauthorized:
		return subject + " recusou a chave desta loja. Chame o suporte."
	case f.Class == NotFound:
		return subject + " não encontrou o que foi pedido."
	case f.Misread:
		return subject + " deu uma resposta que não se entende. Tente de novo em instantes; se continuar, chame o suporte."
	}
	return subject + " não respondeu. Tente de novo em instantes."
}
