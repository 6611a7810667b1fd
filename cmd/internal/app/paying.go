package app

import (
	"context"

	"github.com/google/uuid"

	"pdvagent/agent/config"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/paying/cardorder"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/paying/webhook"
	"pdvagent/agent/till/api"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
	"pdvagent/payments/ideamaker"
	"pdvagent/payments/sevenaz"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

// payingParts are payments, boletos and orders by card. Each is nil where its vendor is not configured.
type payingParts struct {
	engine   *checkout.Engine // takes payments through their steps; nil without flows
	flows    map[checkout.FlowKey]checkout.Flow
	titles   *ideamaker.Client  // sells capitalization titles
	hints    bool               // of the gateway, by its webhook
	invoices *sevenaz.Client    // shows open invoices
	boletos  *settlement.Ledger // registers boletos and finds out which were paid
	issues   bool               // boletos are issued, not only registered
	orders   *cardorder.Desk    // orders by card
	run      []func(context.Context) error
}

// wirePaying makes the parts of the vendors that are configured, and the engine over those that take payments.
func (a *Assembly) wirePaying(context.Context) (err error) {
	p := &a.paying
	p.flows = make(map[checkout.FlowKey]checkout.Flow)
	if cfg := a.cfg.Payments.IdeaMaker; cfg != nil {
		if err := a.wireIdeaMaker(*cfg); err != nil {
			return err
		}
	}
	if cfg := a.cfg.Payments.SevenAZ; cfg != nil {
		if err := a.wireSevenAZ(*cfg); err != nil {
			return err
		}
	}
	if cfg := a.cfg.Payments.Sicoob; cfg != nil {
		if err := a.wireSicoob(*cfg); err != nil {
			return err
		}
	}
	if cfg := a.cfg.Payments.CashOrder; cfg != nil {
		if err := a.wireCashOrder(*cfg); err != nil {
			return err
		}
	}
	return a.wireCheckout()
}

// wireIdeaMaker makes Pix through the gateway, and titles where their address is configured.
func (a *Assembly) wireIdeaMaker(cfg config.IdeaMaker) error {
	client, err := ideamaker.New(ideamaker.Config{
		TitlesURL: cfg.TitlesURL, CustomerID: cfg.CustomerID, CustomerKey: cfg.CustomerKey.Reveal(), APIKey: cfg.APIKey.Reveal(),
		GatewayURL: cfg.GatewayURL, GatewayKey: cfg.GatewayKey.Reveal(), Distributor: cfg.Seller.Distributor, Till: cfg.Seller.Till,
		Observe: a.observe, Dial: a.cfg.Dial,
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, client.Close)
	gateway := ideamaker.Gateway{Client: client}
	a.paying.hints = true
	a.paying.flows[checkout.FlowKey{Kind: payments.KindPix, Provider: "ideamaker"}] = checkout.Flow{Provider: gateway, Vendor: ideamaker.Name}
	if cfg.TitlesURL != "" {
		a.paying.titles = client
		a.paying.flows[checkout.FlowKey{Kind: payments.KindTitle, Provider: "ideamaker"}] = checkout.Flow{Provider: ideamaker.Titles{Gateway: gateway}, Vendor: ideamaker.Name}
	}
	return nil
}

// wireSevenAZ makes invoices.
func (a *Assembly) wireSevenAZ(cfg config.SevenAZ) error {
	client, err := sevenaz.New(sevenaz.Config{BaseURL: cfg.BaseURL, APIKey: cfg.APIKey.Reveal(), Observe: a.observe, Dial: a.cfg.Dial})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, client.Close)
	a.paying.invoices = client
	a.paying.flows[checkout.FlowKey{Kind: payments.KindInvoice, Provider: "sevenaz"}] = checkout.Flow{Provider: sevenaz.Provider{Client: client}, Vendor: sevenaz.Name, Poll: sevenaz.Poll}
	return nil
}

// wireSicoob makes boletos.
func (a *Assembly) wireSicoob(cfg config.Sicoob) error {
	bank := sicoob.Config{
		Version: cfg.Version, BaseURL: cfg.BaseURL, TokenURL: cfg.TokenURL, ClientID: cfg.ClientID, Scopes: cfg.Scopes,
		Client: cfg.Client(), Account: cfg.ContaCorrente, Modality: cfg.Modalidade, Observe: a.observe, Dial: a.cfg.Dial, Now: a.cfg.Now,
	}
	ledger := settlement.Config{
		Store: a.Store, Bucket: store.BoletoRecords, Vendor: sicoob.Name, Client: cfg.NumeroCliente, Modality: cfg.Modalidade, Alarms: a.alarms, Log: a.log, Now: a.cfg.Now,
	}
	if cfg.Certificate != "" {
		bank.Certificate = &sicoob.Identity{Path: cfg.Certificate, Password: cfg.CertificatePassword.Reveal(), Now: a.cfg.Now}
		ledger.Ends = bank.Certificate.Ends
	}
	var err error
	if cfg.CAFile != "" {
		if bank.Roots, err = sicoob.ReadRoots(cfg.CAFile); err != nil {
			return err
		}
	}
	client, err := sicoob.New(bank)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, client.Close)
	ledger.Bank = client
	if a.paying.boletos, err = settlement.New(ledger); err != nil {
		return err
	}
	a.paying.issues = cfg.ContaCorrente > 0
	a.paying.run = append(a.paying.run, a.paying.boletos.Run)
	return nil
}

// wireCashOrder makes orders by card. Where card data is accepted, the process leaves no memory dumps.
func (a *Assembly) wireCashOrder(cfg config.CashOrder) error {
	name, value := cfg.HeaderParts()
	client, err := cashorder.New(cashorder.Config{BaseURL: cfg.BaseURL, HeaderName: name, HeaderValue: value, Observe: a.observe, Dial: a.cfg.Dial})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, client.Close)
	if cfg.AcceptCardData {
		service.NoDumps()
	}
	a.paying.orders, err = cardorder.New(cardorder.Config{
		Store: a.Store, Bucket: store.OrderRecords, Supplier: client, Accept: cfg.AcceptCardData, Shipping: cfg.Total == "items_and_shipping",
		Mark: a.Store.Mark, Zone: a.zone, Alarms: a.alarms, Log: a.log, NewID: uuid.NewString, Now: a.cfg.Now,
	})
	if err != nil {
		return err
	}
	a.paying.run = append(a.paying.run, a.paying.orders.Run)
	return nil
}

// wireCheckout makes the engine, where there is anything to take payments with, and the webhook that hurries it.
func (a *Assembly) wireCheckout() (err error) {
	p := &a.paying
	if len(p.flows) == 0 {
		return nil
	}
	p.engine, err = checkout.New(checkout.Config{Store: a.Store, Bucket: store.PaymentRecords, Flows: p.flows, Alarms: a.alarms, Log: a.log, NewID: uuid.NewString, Now: a.cfg.Now})
	if err != nil {
		return err
	}
	p.run = append(p.run, p.engine.Run)
	if cfg := a.cfg.Payments.Webhook; cfg != nil && p.hints {
		hook := webhook.Config{Listen: cfg.Listen, Secret: cfg.PathSecret.Reveal(), Cert: cfg.Cert, Key: cfg.Key, Read: readHint, Hint: p.engine.Hint, Log: a.log}
		p.run = append(p.run, func(ctx context.Context) error { return webhook.Run(ctx, hook) })
	}
	return nil
}

func readHint(body []byte) (gatewayID, externalID string, err error) {
	hint, err := ideamaker.ReadHint(body)
	return hint.GatewayID, hint.ExternalID, err
}

// routes are the parts that the local API shows. An interface must stay nil where there is no part.
func (p payingParts) routes() (paying api.Paying) {
	if p.engine != nil {
		paying.Payments = p.engine
	}
	if p.titles != nil {
		paying.Titles = p.titles
	}
	if p.invoices != nil {
		paying.Invoices = p.invoices
	}
	if p.boletos != nil {
		paying.Boletos, paying.IssuesBoletos = p.boletos, p.issues
	}
	if p.orders != nil {
		paying.Orders = p.orders
	}
	return paying
}
