package doctor

import (
	"fmt"
	"io"
)

// Print writes findings for a person.
func Print(w io.Writer, findings []Finding) {
	count := make(map[Verdict]int)
	for _, f := range findings {
		count[f.Verdict]++
		fmt.Fprintf(w, "%-7s %-36s %s\n", f.Verdict, f.Title, f.Evidence)
		if f.Advice != "" {
			fmt.Fprintf(w, "%-7s %-36s → %s\n", "", "", f.Advice)
		}
	}
	fmt.Fprintf(w, "\n%d verificações: %d ok, %d avisos, %d falhas, %d pulados.\n", len(findings), count[OK], count[Warn], count[Fail], count[Skipped])
}
