package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/config"
	"pdvagent/cmd/internal/usage"
)

// list is a command that asks the agent for a list and prints it as a table. T is the API's answer.
type list[T any] struct {
	short   string
	path    string // of the API
	filters []filter
	print   func(io.Writer, T)
}

func newList[T any](opts *Options, l list[T]) *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: l.short, Args: usage.NoArgs}
	query := addFilters(cmd, l.filters)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		path := l.path
		if parameters := query().Encode(); parameters != "" {
			path += "?" + parameters
		}
		return ask(cmd, opts, request{method: http.MethodGet, path: path}, l.print)
	}
	return cmd
}

// filter is a flag that becomes a parameter of a list's request, under its name.
type filter struct {
	name, usage string
	words       vocabulary // of the codes that it takes; none: it takes a text
	isSwitch    bool       // its parameter is 1, or left out
	number      int        // default of a number; 0: the flag is a text, left out when it is empty
}

// addFilters defines flags; query are their parameters once the command line was parsed.
func addFilters(cmd *cobra.Command, filters []filter) (query func() url.Values) {
	values := make(map[string]func() string)
	for _, f := range filters {
		switch {
		case f.isSwitch:
			value := cmd.Flags().Bool(f.name, false, f.usage)
			values[f.name] = func() string { return map[bool]string{true: "1"}[*value] }
		case f.number != 0:
			value := cmd.Flags().Int(f.name, f.number, f.usage)
			values[f.name] = func() string { return strconv.Itoa(*value) }
		case f.words != nil:
			value := &wordFlag{words: f.words}
			cmd.Flags().Var(value, f.name, f.usage)
			values[f.name] = value.String
		default:
			value := cmd.Flags().String(f.name, "", f.usage)
			values[f.name] = func() string { return *value }
		}
	}
	return func() url.Values {
		query := url.Values{}
		for name, value := range values {
			if text := value(); text != "" {
				query.Set(name, text)
			}
		}
		return query
	}
}

// wordFlag is a flag that takes the words and the codes of a vocabulary. It holds the code.
type wordFlag struct {
	words vocabulary
	code  string
}

func (f *wordFlag) String() string { return f.code }

// Type is a text's, for the help.
func (f *wordFlag) Type() string { return "string" }

// Set takes a word or a code.
func (f *wordFlag) Set(typed string) error {
	f.code = f.words.code(typed)
	if _, ok := f.words[f.code]; ok || typed == "" {
		return nil
	}
	return errors.New(f.Wanted())
}

// Wanted names the words.
func (f *wordFlag) Wanted() string {
	return "serve um destes: " + strings.Join(slices.Sorted(maps.Values(f.words)), ", ")
}

// printTable prints columns of which each is as wide as its widest cell. Cells are separated by tabs; flags are those of
// package tabwriter.
func printTable(w io.Writer, flags uint, header string, rows func(table io.Writer)) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', flags)
	fmt.Fprintln(table, header)
	rows(table)
	_ = table.Flush() // to a person's terminal
}

// attentionMark is appended to the state of what asks for a decision.
func attentionMark(attention bool) string {
	if attention {
		return " (!)"
	}
	return ""
}

// orEmpty is a text of the API that may be null.
func orEmpty(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

// minute and second print a time, in the machine's zone.
// shopZone is the shop's time zone, once a command has read the configuration; nil: the machine's.
var shopZone atomic.Pointer[time.Location]

// local gives a time as the shop's clocks show it.
// tellTimesOf has times told in the shop's zone.
func tellTimesOf(cfg config.Config) {
	if zone, err := time.LoadLocation(cfg.Shop.Timezone); err == nil { // else the machine's: doctor says so
		shopZone.Store(zone)
	}
}

func local(at time.Time) time.Time {
	if zone := shopZone.Load(); zone != nil {
		return at.In(zone)
	}
	return at.Local()
}

// day tells a date of the API (2026-12-10) as people here write it.
func day(date string) string {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return at.Format("02/01/2006")
}

func minute(at time.Time) string { return local(at).Format("02/01 15:04") }

// second gives an empty text for no time: a damaged job may have none.
func second(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return local(at).Format("02/01 15:04:05")
}
