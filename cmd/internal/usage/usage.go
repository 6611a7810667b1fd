// Package usage makes the help of our programs, and what is wrong with a call of them, Portuguese. The commands of pdvagent
// and of pdvhub use it.
package usage

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Error is a wrong call of a command.
type Error struct{ error }

// Wrong makes an error one of wrong use.
func Wrong(err error) error {
	if err == nil {
		return nil
	}
	return Error{err}
}

// NoArgs is cobra.NoArgs as a usage error.
func NoArgs(cmd *cobra.Command, args []string) error { return Arguments(cmd, cobra.NoArgs(cmd, args)) }

// Arguments makes cobra's error about a command's arguments one of wrong use, in Portuguese.
func Arguments(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return Error{argumentError(cmd, err)}
}

// InPortuguese makes the help of a command and of all below it Portuguese, and their usage errors too.
func InPortuguese(root *cobra.Command) {
	root.PersistentFlags().BoolP("help", "h", false, "mostra esta ajuda")
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMANDO]", Short: "Ajuda de um comando",
		RunE: func(_ *cobra.Command, args []string) error {
			found, _, err := root.Find(args)
			if err != nil {
				return Wrong(err)
			}
			return found.Help()
		},
	})
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Error{flagError(err)} })
	for _, group := range root.Commands() {
		if group.HasSubCommands() && !group.Runnable() {
			group.Args = func(cmd *cobra.Command, args []string) error { return nil }
			group.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return Error{noCommand(cmd.CommandPath(), args[0])}
				}
				return cmd.Help()
			}
		}
	}
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), helpText(cmd)) })
}

func helpText(cmd *cobra.Command) string {
	var out strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	fmt.Fprintf(&out, "%s\n\nUso:\n", about)
	if cmd.Runnable() && !cmd.HasSubCommands() {
		fmt.Fprintf(&out, "  %s\n", strings.Replace(cmd.UseLine(), "[flags]", "[opções]", 1))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&out, "  %s COMANDO\n\nComandos:\n", cmd.CommandPath())
		width := 0
		for _, sub := range cmd.Commands() {
			width = max(width, len(sub.Name()))
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&out, "  %-*s  %s\n", width, sub.Name(), sub.Short)
			}
		}
	}
	if cmd.HasExample() {
		fmt.Fprintf(&out, "\nExemplos:\n%s\n", cmd.Example)
	}
	options(&out, "Opções:", cmd.LocalFlags())
	options(&out, "Em todos os comandos:", cmd.InheritedFlags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&out, "\n\"%s COMANDO --help\" explica um comando.\n", cmd.CommandPath())
	}
	return out.String()
}

// flagType finds the name that pflag gives a flag's value.
var flagType = regexp.MustCompile(`(?m)^(\s+(?:-\w, )?--[\w-]+) (strings?|u?ints?|float|duration|stringToString|stringArray)\b( *)`)

func options(out *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	text := flagType.ReplaceAllStringFunc(flags.FlagUsages(), func(match string) string {
		parts := flagType.FindStringSubmatch(match)
		name := map[string]string{
			"string": "texto", "strings": "textos", "int": "número", "ints": "números", "uint": "número", "float": "número", "duration": "tempo", "stringToString": "a=b,...", "stringArray": "texto",
		}[parts[2]]
		width := len(parts[2]) + len(parts[3]) - len([]rune(name))
		return parts[1] + " " + name + strings.Repeat(" ", max(width, 3))
	})
	fmt.Fprintf(out, "\n%s\n%s", title, strings.NewReplacer(" (default [])", "", "(default ", "(padrão ").Replace(text))
}

// unknownCommand finds the command in cobra's error.
var unknownCommand = regexp.MustCompile(`unknown command "([^"]*)" for "([^"]*)"`)

// Named makes cobra's error about a command that does not exist one of wrong use, in Portuguese.
func Named(err error) error {
	if err == nil {
		return nil
	}
	if found := unknownCommand.FindStringSubmatch(err.Error()); found != nil {
		return Error{noCommand(found[2], found[1])}
	}
	return err
}

// argumentError says in Portuguese what is wrong with a command's arguments.
func argumentError(cmd *cobra.Command, err error) error {
	if found := unknownCommand.FindStringSubmatch(err.Error()); found != nil {
		return noCommand(found[2], found[1])
	}
	return fmt.Errorf("faltam ou sobram palavras; o uso é: %s", strings.Replace(cmd.UseLine(), " [flags]", "", 1))
}

func noCommand(parent, given string) error {
	return fmt.Errorf("%q não é um comando de %q; veja os que há com: %s --help", given, parent, parent)
}

// flagError says in Portuguese what is wrong with a flag.
func flagError(err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return fmt.Errorf("não existe a opção %s; veja as que há com --help", dashed(unknown.GetSpecifiedName()))
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("falta o valor da opção %s", dashed(missing.GetSpecifiedName()))
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if words, ok := invalid.GetFlag().Value.(interface{ Wanted() string }); ok { // a flag that takes one of some words
			return fmt.Errorf("o valor %q não serve para a opção --%s: %s", invalid.GetValue(), invalid.GetFlag().Name, words.Wanted())
		}
		return fmt.Errorf("o valor %q não serve para a opção --%s: %s", invalid.GetValue(), invalid.GetFlag().Name, wantedBy(invalid.GetFlag().Value.Type()))
	}
	if _, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return errors.New("uma opção está escrita errado; escreva --nome valor, ou --nome=valor")
	}
	return err
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func wantedBy(kind string) string {
	switch kind {
	case "int", "uint", "intSlice", "float64":
		return "informe um número"
	case "duration":
		return "informe um tempo, por exemplo 10m ou 2h"
	case "bool":
		return "informe true ou false"
	}
	return "confira como se escreve com --help"
}
