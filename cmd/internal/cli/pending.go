package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/cmd/internal/app"
)

// pending counts the jobs that are still to be sent: the agent is asked, or the store is read when it does not run.
func (o *Options) pending(ctx context.Context) (uint64, error) {
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	var status struct{ Queue struct{ Pending uint64 } }
	err = client.Call(ctx, http.MethodGet, "/v1/status", nil, &status)
	if err == nil || agent.CodeOf(err) != agent.CodeAgentNotRunning {
		return status.Queue.Pending, err
	}
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "pdvagent.db")); err != nil {
		return 0, err
	}
	queue, err := app.OpenStore(cfg, app.NewLog(new(bytes.Buffer), "error"))
	if err != nil {
		return 0, err
	}
	return queue.Counters().Total(agent.Pending), queue.Close()
}

// pendingWarning warns who removes the agent of what is still to be sent; nothing is pending, or unknown: no line.
func (o *Options) pendingWarning(ctx context.Context) []string {
	pending, err := o.pending(ctx)
	if err != nil || pending == 0 {
		return nil
	}
	return []string{fmt.Sprintf("ATENÇÃO: há %d registro(s) por enviar. Eles ficam na pasta de dados e são enviados se o pdvagent for instalado de novo.", pending)}
}
