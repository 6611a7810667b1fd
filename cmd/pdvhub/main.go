// Command pdvhub is the hub of a chain of shops: one place that knows how every till is (docs/spec/hub.md).
package main

import (
	"os"

	"pdvagent/cmd/pdvhub/internal/cli"
)

func main() { os.Exit(cli.Execute(os.Args[1:])) }
