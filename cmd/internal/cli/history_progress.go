package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"pdvagent/agent/loads/history"
	"pdvagent/agent/loads/source"
)

// historyProgress shows the progress of an import: as a bar on a terminal, else as lines of JSON.
type historyProgress struct {
	opened source.Opened
	json   bool
	out    io.Writer
	begun  time.Time
	shown  bool
}

func (p *historyProgress) show(now history.Progress) {
	took := time.Since(p.begun).Seconds()
	rate := float64(now.Sent-now.Skipped) / max(took, 0.001)
	done, total, sized := source.Position(p.opened)
	left := time.Duration(-1)
	if sized && done > 0 {
		left = time.Duration(took * float64(total-done) / float64(done) * float64(time.Second)).Round(time.Second)
	}
	if p.json {
		line := map[string]any{"sent": now.Sent, "faulty": now.Faulty, "refused": now.Refused, "per_second": int(rate), "waiting": now.Waiting}
		if left >= 0 {
			line["percent"], line["remaining_seconds"] = int(100*done/total), int(left.Seconds())
		}
		_ = json.NewEncoder(p.out).Encode(line) // progress only
		return
	}
	p.shown = true
	text := fmt.Sprintf("%d vendas, %.0f/s", now.Sent, rate)
	if left >= 0 {
		const width = 24
		full := int(int64(width) * done / total)
		text = fmt.Sprintf("[%s%s] %3d %%  %s, faltam %s", strings.Repeat("#", full), strings.Repeat("-", width-full), 100*done/total, text, left)
	}
	if now.Waiting != "" {
		text = now.Waiting
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
}

func (p *historyProgress) end() {
	if p.shown {
		fmt.Fprintln(p.out)
	}
}
