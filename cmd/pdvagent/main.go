// Command pdvagent is the one binary: the agent itself, its sandbox, its demo, and the tools of support. A file per
// command; run.go is the wiring, and reading it is reading the design.
package main

import "os"

func main() { os.Exit(execute(os.Args[1:])) }
