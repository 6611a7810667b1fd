package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
	"pdvagent/mercafacil/homologation"
)

func newHomologation(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "homologation", Short: "Homologação da Mercafácil: o roteiro e a prova de cada item"}
	cmd.AddCommand(newHomologationPlan(opts), newHomologationRun(opts), newHomologationWatch(opts), newHomologationConfirm(opts), newHomologationVerify(opts), newHomologationFleet(opts))
	return cmd
}

func newHomologationPlan(opts *Options) *cobra.Command {
	var script string
	cmd := &cobra.Command{
		Use: "plan [ITEM]", Short: "O roteiro da homologação, item por item; com ITEM, só ele, por extenso", Args: atMostOneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			plan, err := homologation.Load(script)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return opts.Print(plan, func(w io.Writer) { printPlan(w, plan) })
			}
			item, err := itemOf(plan, args[0])
			if err != nil {
				return err
			}
			return opts.Print(item, func(w io.Writer) { printItem(w, plan, item) })
		},
	}
	cmd.Flags().StringVar(&script, "script", homologation.Script, "versão do roteiro: "+strings.Join(homologation.Scripts(), ", "))
	return cmd
}

// itemOf finds an item that a person named.
func itemOf(plan *homologation.Plan, id string) (homologation.Item, error) {
	item, ok := plan.Item(id)
	if !ok {
		return item, usage.Wrong(fmt.Errorf("não há o item %q no roteiro; veja os que há com: pdvagent homologation plan", id))
	}
	return item, nil
}

// atMostOneArg is cobra.MaximumNArgs(1) as a usage error.
func atMostOneArg(cmd *cobra.Command, args []string) error {
	return usage.Arguments(cmd, cobra.MaximumNArgs(1)(cmd, args))
}

// provers are the words of who can tell that an item is done.
func provers() vocabulary {
	return vocabulary{string(homologation.Machine): "máquina", string(homologation.Human): "pessoa", string(homologation.Pilot): "piloto"}
}

func printPlan(w io.Writer, plan *homologation.Plan) {
	fmt.Fprintf(w, "%s: %s. %d itens.\n", plan.Vendor, plan.Script, len(plan.Items))
	for _, stage := range plan.Stages {
		fmt.Fprintf(w, "\n%s\n", stage.Title)
		printTable(w, 0, "ITEM\tO QUE\tQUEM CONFIRMA\tPRECISA DE\t", func(table io.Writer) {
			for _, item := range plan.Items {
				if item.Stage == stage.ID {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", item.ID, item.Title, provers().of(string(item.By)), needs(item.Needs))
				}
			}
		})
	}
	fmt.Fprintf(w, "\nUm item por extenso: pdvagent homologation plan ITEM\n")
}

// needs says in a few words what an item needs.
func needs(n homologation.Needs) string {
	var list []string
	for _, offer := range n.Offers {
		list = append(list, "oferta "+offer)
	}
	list = append(list, n.People...)
	if n.Outage {
		list = append(list, "queda")
	}
	return strings.Join(list, ", ")
}

func printItem(w io.Writer, plan *homologation.Plan, item homologation.Item) {
	fmt.Fprintf(w, "%s  %s\n\n", item.ID, item.Title)
	fmt.Fprintf(w, "Fazer:     %s\nVer:       %s\nConfirma:  %s\nManual:    %s\n", plan.Fill(item.Instruction), item.Seen, provers().of(string(item.By)), strings.Join(item.Manual, ", "))
	if len(item.Exchanges) > 0 {
		fmt.Fprintf(w, "Nas trocas: %s\n", strings.Join(item.Exchanges, ", "))
	}
	for _, role := range item.Needs.Offers {
		offer, _ := plan.Offer(role)
		fmt.Fprintf(w, "Oferta:    %s\n", plan.Fill(offer.Title))
	}
	for _, role := range item.Needs.People {
		person, _ := plan.Person(role)
		club := "no clube"
		if !person.Member {
			club = "fora do clube"
		}
		fmt.Fprintf(w, "Cliente:   %s, %s (%s)\n", homologation.Punctuated(person.Document), person.Name, club)
	}
	for _, role := range item.Needs.Products {
		product, _ := plan.Product(role)
		fmt.Fprintf(w, "Produto:   %s, EAN %s, %s a R$ %s\n", product.SKU, product.EAN, product.Name, strings.Replace(product.Price, ".", ",", 1))
	}
}
