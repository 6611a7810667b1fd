package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/cardorder"
	"pdvagent/agent/checkout"
	"pdvagent/agent/config"
	"pdvagent/agent/service"
	"pdvagent/agent/settlement"
	"pdvagent/agent/tillapi"
	"pdvagent/agent/webhook"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
	"pdvagent/payments/ideamaker"
	"pdvagent/payments/sevenaz"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

// payingParts are the paying side: the vendors' clients, and the engine that takes payments through their steps.
type payingParts struct {
	idea     *ideamaker.Client  // nil: not configured
	seven    *sevenaz.Client    // nil: not configured
	bank     *sicoob.Client     // nil: not configured
	issues   bool               // boletos, not only records them
	ledger   *settlement.Ledger // nil without the bank
	supplier *cashorder.Client  // nil: not configured
	desk     *cardorder.Desk    // nil without the supplier
	titles   bool
	engine   *checkout.Engine // nil without any of them
	run      []func(context.Context) error
}

func (p payingParts) close() {
	if p.idea != nil {
		p.idea.Close()
	}
	if p.seven != nil {
		p.seven.Close()
	}
	if p.bank != nil {
		p.bank.Close()
	}
	if p.supplier != nil {
		p.supplier.Close()
	}
}

// payingSide wires the paying side.
func (at place) payingSide(queue *store.Store, watch watch, log *slog.Logger) (p payingParts, err error) {
	flows := make(map[checkout.FlowKey]checkout.Flow)
	if cfg := at.Payments.IdeaMaker; cfg != nil {
		p.idea, err = ideamaker.New(ideamaker.Config{
			TitlesURL: cfg.TitlesURL, CustomerID: cfg.CustomerID, CustomerKey: cfg.CustomerKey.Reveal(), APIKey: cfg.APIKey.Reveal(),
			GatewayURL: cfg.GatewayURL, GatewayKey: cfg.GatewayKey.Reveal(), Distributor: cfg.Seller.Distributor, Till: cfg.Seller.Till,
			Observe: watch.observe, Dial: at.dial,
		})
		if err != nil {
			return p, err
		}
		gateway := ideamaker.Gateway{Client: p.idea}
		flows[checkout.FlowKey{Kind: payments.KindPix, Provider: "ideamaker"}] = checkout.Flow{Provider: gateway, Vendor: ideamaker.Name}
		if p.titles = cfg.TitlesURL != ""; p.titles {
			flows[checkout.FlowKey{Kind: payments.KindTitle, Provider: "ideamaker"}] = checkout.Flow{Provider: ideamaker.Titles{Gateway: gateway}, Vendor: ideamaker.Name}
		}
	}
	if cfg := at.Payments.SevenAZ; cfg != nil {
		if p.seven, err = sevenaz.New(sevenaz.Config{BaseURL: cfg.BaseURL, APIKey: cfg.APIKey.Reveal(), Observe: watch.observe, Dial: at.dial}); err != nil {
			return p, err
		}
		flows[checkout.FlowKey{Kind: payments.KindInvoice, Provider: "sevenaz"}] = checkout.Flow{Provider: sevenaz.Provider{Client: p.seven}, Vendor: sevenaz.Name, Poll: sevenaz.Poll}
	}
	if cfg := at.Payments.Sicoob; cfg != nil {
		if err := p.boletos(at, *cfg, queue, watch, log); err != nil {
			return p, err
		}
	}
	if cfg := at.Payments.CashOrder; cfg != nil {
		if err := p.orders(at, *cfg, queue, watch, log); err != nil {
			return p, err
		}
	}
	if len(flows) == 0 {
		return p, nil
	}
	p.engine, err = checkout.New(checkout.Config{Store: queue, Bucket: store.PaymentRecords, Flows: flows, Alarms: watch.alarms, Log: log, NewID: uuid.NewString})
	if err != nil {
		return p, err
	}
	p.run = append(p.run, p.engine.Run)
	if cfg := at.Payments.Webhook; cfg != nil && p.idea != nil {
		hook := webhook.Config{Listen: cfg.Listen, Secret: cfg.PathSecret.Reveal(), Cert: cfg.Cert, Key: cfg.Key, Read: readHint, Hint: p.engine.Hint, Log: log}
		p.run = append(p.run, func(ctx context.Context) error { return webhook.Run(ctx, hook) })
	}
	return p, nil
}

// boletos wires the bank and the ledger.
func (p *payingParts) boletos(at place, cfg config.Sicoob, queue *store.Store, watch watch, log *slog.Logger) (err error) {
	bank := sicoob.Config{
		Version: cfg.Version, BaseURL: cfg.BaseURL, TokenURL: cfg.TokenURL, ClientID: cfg.ClientID, Scopes: cfg.Scopes,
		Client: cfg.Client(), Account: cfg.ContaCorrente, Modality: cfg.Modalidade, Observe: watch.observe, Dial: at.dial,
	}
	book := settlement.Config{
		Store: queue, Bucket: store.BoletoRecords, Vendor: sicoob.Name, Client: cfg.NumeroCliente, Modality: cfg.Modalidade, Alarms: watch.alarms, Log: log,
	}
	if cfg.Certificate != "" {
		bank.Certificate = &sicoob.Identity{Path: cfg.Certificate, Password: cfg.CertificatePassword.Reveal()}
		book.Ends = bank.Certificate.Ends
	}
	if cfg.CAFile != "" {
		if bank.Roots, err = sicoob.ReadRoots(cfg.CAFile); err != nil {
			return err
		}
	}
	if p.bank, err = sicoob.New(bank); err != nil {
		return err
	}
	book.Bank = p.bank
	if p.ledger, err = settlement.New(book); err != nil {
		return err
	}
	p.issues, p.run = cfg.ContaCorrente > 0, append(p.run, p.ledger.Run)
	return nil
}

// orders wires orders by card.
func (p *payingParts) orders(at place, cfg config.CashOrder, queue *store.Store, watch watch, log *slog.Logger) error {
	name, value := cfg.HeaderParts()
	var err error
	if p.supplier, err = cashorder.New(cashorder.Config{BaseURL: cfg.BaseURL, HeaderName: name, HeaderValue: value, Observe: watch.observe, Dial: at.dial}); err != nil {
		return err
	}
	zone, err := config.Zone(at.Shop.Timezone)
	if err != nil {
		return err
	}
	if cfg.AcceptCardData {
		service.NoDumps()
	}
	p.desk, err = cardorder.New(cardorder.Config{
		Store: queue, Bucket: store.OrderRecords, Supplier: p.supplier, Accept: cfg.AcceptCardData, Shipping: cfg.Total == "items_and_shipping",
		Mark: queue.Mark, Zone: zone, Alarms: watch.alarms, Log: log, NewID: uuid.NewString,
	})
	p.run = append(p.run, p.desk.Run)
	return err
}

func readHint(body []byte) (gatewayID, externalID string, err error) {
	hint, err := ideamaker.ReadHint(body)
	return hint.GatewayID, hint.ExternalID, err
}

// serve gives the local API what it shows of the paying side.
func (p payingParts) serve(api *tillapi.Config) {
	if p.ledger != nil {
		api.Boletos, api.IssuesBoletos = p.ledger, p.issues
	}
	if p.desk != nil {
		api.Orders = p.desk
	}
	if p.engine == nil {
		return
	}
	api.Payments = p.engine
	if p.titles {
		api.Titles = p.idea
	}
	if p.seven != nil {
		api.Invoices = p.seven
	}
}

func newPayments(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "payments", Short: "Pagamentos: ver, e encerrar os que pedem uma decisão"}
	cmd.AddCommand(newPaymentsList(opts), newPaymentsShow(opts), newPaymentsResolve(opts))
	return cmd
}

// paymentLine is a payment as the API shows it.
type paymentLine struct {
	ID         string               `json:"id"`
	Kind       payments.Kind        `json:"kind"`
	Provider   string               `json:"provider"`
	Status     payments.State       `json:"status"`
	Detail     string               `json:"detail,omitempty"`
	Amount     agent.Cents          `json:"amount"`
	Received   *agent.Cents         `json:"received,omitempty"`
	Reference  string               `json:"reference,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
	ExpiresAt  *time.Time           `json:"expires_at"`
	Attention  bool                 `json:"attention"`
	Resolution *payments.Resolution `json:"resolution,omitempty"`
	Events     []payments.Event     `json:"events,omitempty"`
}

func newPaymentsList(opts *options) *cobra.Command {
	var status, since, reference string
	var attention bool
	cmd := &cobra.Command{
		Use: "ls", Short: "Lista pagamentos, os mais novos primeiro", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, text := range map[string]string{"status": status, "since": since, "reference": reference} {
				if text != "" {
					query.Set(name, text)
				}
			}
			if attention {
				query.Set("attention", "1")
			}
			var page struct {
				Payments []paymentLine `json:"payments"`
			}
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/payments?"+query.Encode(), nil, &page); err != nil {
				return err
			}
			return opts.print(page, func(w io.Writer) { printPayments(w, page.Payments) })
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "só os deste estado, por exemplo awaiting_payment")
	cmd.Flags().StringVar(&since, "since", "", "só os que mudaram desde AAAA-MM-DD")
	cmd.Flags().StringVar(&reference, "reference", "", "só os desta referência do caixa")
	cmd.Flags().BoolVar(&attention, "attention", false, "só os que pedem uma decisão")
	return cmd
}

func printPayments(w io.Writer, list []paymentLine) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tTIPO\tESTADO\tVALOR\tCRIADO\tREFERÊNCIA\t")
	for _, p := range list {
		mark := ""
		if p.Attention {
			mark = " (!)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s%s\t%s\t%s\t%s\t\n", p.ID, p.Kind, p.Status, mark, p.Amount.Reais(), p.CreatedAt.Local().Format("02/01 15:04"), p.Reference)
	}
	_ = table.Flush() // to the terminal
	for _, p := range list {
		if p.Attention {
			fmt.Fprintf(w, "\n%s: %s\n", p.ID, p.Detail)
		}
	}
}

func newPaymentsShow(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Um pagamento e a sua história", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			var p paymentLine
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/payments/"+url.PathEscape(args[0]), nil, &p); err != nil {
				return err
			}
			return opts.print(p, func(w io.Writer) {
				printPayments(w, []paymentLine{p})
				if p.Detail != "" && !p.Attention {
					fmt.Fprintf(w, "\n%s\n", p.Detail)
				}
				fmt.Fprintln(w)
				for _, event := range p.Events {
					fmt.Fprintf(w, "%s  %-8s %-18s %s %s\n", event.At.Local().Format("02/01 15:04:05"), event.Source, event.State, event.Type, event.Detail)
				}
				if r := p.Resolution; r != nil {
					fmt.Fprintf(w, "%s  resolvido por %s: %s\n", r.At.Local().Format("02/01 15:04:05"), r.By, r.Reason)
				}
			})
		},
	}
}

func newPaymentsResolve(opts *options) *cobra.Command {
	return newResolve(opts, resolution[paymentLine]{
		use: "resolve ID", short: "Encerra um pagamento que pede decisão: o estado fica, o motivo é guardado",
		path: "/v1/payments/", example: "devolvido por Pix, entregue",
		said: func(p paymentLine) string { return fmt.Sprintf("Encerrado: %s continua como %s.", p.ID, p.Status) },
	})
}

// resolution is a person's word about something that asked for one. T is what the API then shows.
type resolution[T any] struct {
	use, short string
	path       string // before the id
	example    string // of a reason
	said       func(T) string
}

func newResolve[T any](opts *options, r resolution[T]) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: r.use, Short: r.short, Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usageError{fmt.Errorf("informe --reason: o que foi feito com o dinheiro")}
			}
			client, err := opts.client()
			if err != nil {
				return err
			}
			var now T
			if err := client.call(cmd.Context(), http.MethodPost, r.path+url.PathEscape(args[0])+"/resolve", map[string]string{"reason": reason}, &now); err != nil {
				return err
			}
			return opts.print(now, func(w io.Writer) { fmt.Fprintln(w, r.said(now)) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "o que foi feito, por exemplo: "+r.example)
	return cmd
}
