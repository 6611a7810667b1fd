// Command pdvagent is the one binary: the agent itself, its sandbox, its demo, and the tools of support.
package main

import (
	"os"

	"pdvagent/cmd/internal/bench"
	"pdvagent/cmd/internal/cli"
)

func main() { os.Exit(cli.Execute(os.Args[1:], bench.New)) }
