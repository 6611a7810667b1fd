// Package e2e is what the tests of the whole agent share: a shop with its clouds and an agent ([Site]), the same in fake time
// ([Bubble]), commands and agents in processes of their own, and the check of every call against openapi.yaml ([APIDocument]).
// The tests stand below it, a package a theme, so that go test runs them beside each other. Only tests import it.
package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/bench"
	"pdvagent/cmd/internal/cli"
)

// Main is the TestMain of a theme. It runs the tests, which must leave no goroutine behind, and then looks whether every
// operation that operations gives to the theme has been seen to succeed. A re-executed test binary is pdvagent itself.
func Main(m *testing.M, theme string) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Execute(os.Args[1:], bench.New))
	}
	agenttest.Main(suite{m, operations()[theme]},
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"), // a toxic whose connection was cut
	)
}

// suite is all tests of a package and the operations that they must use.
type suite struct {
	m          *testing.M
	operations []string
}

// Run is goleak's TestingM.
func (s suite) Run() int {
	code := s.m.Run()
	if code != 0 || narrowed() {
		return code
	}
	document, err := OpenAPI()
	if err == nil {
		err = missing(s.operations, document.unseen())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapi.yaml:", err)
		return 1
	}
	return code
}

// narrowed reports whether not all tests were asked for.
func narrowed() bool {
	return slices.ContainsFunc([]string{"test.run", "test.list", "test.fuzz", "test.skip", "test.bench"}, func(name string) bool {
		return flag.Lookup(name).Value.String() != ""
	})
}

// missing is an error that names the operations of a theme which were not seen.
func missing(operations, unseen []string) error {
	var list []string
	for _, operation := range operations {
		if slices.Contains(unseen, operation) {
			list = append(list, operation)
		}
	}
	if len(list) > 0 {
		return errors.New("no test saw these operations succeed: " + strings.Join(list, ", "))
	}
	return nil
}
