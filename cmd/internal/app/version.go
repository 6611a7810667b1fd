package app

import "runtime/debug"

// Version of the agent; the release build sets it with -X.
var Version = "dev"

// GoVersion is that of the toolchain which built the program, or empty.
func GoVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return ""
}
