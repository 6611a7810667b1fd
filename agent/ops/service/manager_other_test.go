//go:build !windows

package service

import (
	"strings"
	"testing"
)

func TestStatusOfSystemdIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		out  string
		want Status
	}{
		"running": {
			"LoadState=loaded\nActiveState=active\nMainPID=71\nUnitFileState=enabled\nUser=pdvagent\nExecMainStatus=0\nExecStart={ path=/usr/bin/pdvagent ; argv[]=/usr/bin/pdvagent run --config /etc/pdvagent/config.yaml ; ignore_errors=no ; start_time=[n/a] }\n",
			Status{State: Running, PID: 71, Start: "enabled", Account: "pdvagent", Command: "/usr/bin/pdvagent run --config /etc/pdvagent/config.yaml"},
		},
		"about to be started again": {"LoadState=loaded\nActiveState=activating\nExecMainStatus=1\n", Status{State: Starting, Exit: 1}},
		"failed":                    {"LoadState=loaded\nActiveState=failed\nExecMainStatus=203\n", Status{State: Stopped, Exit: 203}},
		"stopping":                  {"LoadState=loaded\nActiveState=deactivating\n", Status{State: Stopping}},
		"unknown":                   {"LoadState=not-found\nActiveState=inactive\n", Status{State: NotInstalled}},
	} {
		if got := parseShow(c.out); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestUnitOfAnotherFolderNamesItsPaths(t *testing.T) {
	m := &manager{Command{
		Program: "/opt/loja 1/pdvagent", Config: "/opt/loja 1/config.yaml", DataDir: "/opt/dados",
		Unit: "ExecStart=/usr/bin/pdvagent run --config /etc/pdvagent/config.yaml\nReadWritePaths=/etc/pdvagent\n",
	}}
	const want = "ExecStart=\"/opt/loja 1/pdvagent\" run --config \"/opt/loja 1/config.yaml\"\nReadWritePaths=\"/opt/loja 1\" \"/opt/dados\"\n"
	if got := m.unit(); got != want || strings.Contains(got, "/etc/pdvagent") {
		t.Errorf("got %s", got)
	}
}
