package cli

import (
	"context"
	"os/exec"
)

// browserFor hands an address to the user's browser. No command interpreter reads it.
func browserFor(ctx context.Context, address string) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, "rundll32.exe", "url.dll,FileProtocolHandler", address), nil //nolint:gosec // the address is the agent's own, with a code that it made
}
