package cli

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
)

// say prints a line and keeps it for the installer.
func (o *installerOptions) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	o.lines = append(o.lines, line)
	fmt.Fprintln(o.out, line)
}

// reported runs a command and writes its lines, its error last, for the installer's screen and into the log of installations.
func (o *installerOptions) reported(do func(cmd *cobra.Command) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		err := do(cmd)
		lines := o.lines
		if err != nil {
			lines = append(lines, app.Sentence(err))
		}
		if o.report != "" {
			err = errors.Join(err, os.WriteFile(o.report, utf16Text(strings.Join(lines, "\r\n")), 0o600))
		}
		o.appendLog(cmd.Name(), lines)
		return err
	}
}

// appendLog keeps the lines of an installation beside the configuration: a silent one has no screen.
func (o *installerOptions) appendLog(command string, lines []string) {
	folder := filepath.Dir(o.config)
	if _, err := os.Stat(folder); err != nil || len(lines) == 0 || command == "try" || command == "pending" {
		return
	}
	if stranger, err := osfile.Stranger(folder); stranger != "" || err != nil { // the screen has the lines
		return
	}
	file, err := osfile.OpenOrCreate(filepath.Join(folder, "instalacao.log"), os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return // the screen has the lines
	}
	for _, line := range lines {
		fmt.Fprintf(file, "%s setup %s %s: %s\r\n", time.Now().Format(time.RFC3339), command, app.Version, line)
	}
	_ = file.Close() // the screen has the lines
}

// utf16Text is what NSIS reads: little endian, with a byte order mark.
func utf16Text(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}
