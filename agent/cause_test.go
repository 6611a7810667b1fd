package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pdvagent/agent"
)

func TestCausesArePortuguese(t *testing.T) {
	folder := t.TempDir()
	_, missing := os.Open(filepath.Join(folder, "none.csv"))
	var v any
	for want, err := range map[string]error{
		"não é um JSON válido":                             json.Unmarshal([]byte("{x"), &v),
		filepath.Join(folder, "none.csv") + ": não existe": missing,
		"termina no meio":                                  io.ErrUnexpectedEOF,
		"sem permissão":                                    os.ErrPermission,
		"a conexão foi recusada":                           fmt.Errorf("load: %w", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
		"o disco está cheio":                               syscall.ENOSPC,
		"sem resposta a tempo":                             context.DeadlineExceeded,
		"linha 3 não tem coluna":                           errors.New("linha 3 não tem coluna"),
		"o nome é longo demais":                            syscall.ENAMETOOLONG,
		"o nome do servidor não foi encontrado":            &net.DNSError{Err: "no such host", Name: "x"},
	} {
		if got := agent.Cause(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
