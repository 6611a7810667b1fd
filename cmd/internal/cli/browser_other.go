//go:build !windows

package cli

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"pdvagent/agent"
)

// browserFor hands an address to the browser of the desktop's user. Root's own browser is not opened: behind sudo or pkexec
// it is the one of who called.
func browserFor(ctx context.Context, address string) (*exec.Cmd, error) {
	program, err := exec.LookPath("xdg-open")
	if err != nil {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "falta o programa xdg-open")
	}
	command := exec.CommandContext(ctx, program, address) //nolint:gosec // the program of PATH, no shell
	if os.Geteuid() != 0 {
		return command, nil
	}
	caller, err := callerOfRoot(os.Getenv)
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(caller.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(caller.Gid, 10, 32)
	if uidErr != nil || gidErr != nil || uid == 0 {
		return nil, errRootBrowser
	}
	session := "/run/user/" + caller.Uid
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	command.Dir = "/"
	command.Env = []string{
		"HOME=" + caller.HomeDir, "USER=" + caller.Username, "LOGNAME=" + caller.Username, "PATH=/usr/local/bin:/usr/bin:/bin",
		"DISPLAY=" + cmp.Or(os.Getenv("DISPLAY"), ":0"), "WAYLAND_DISPLAY=" + os.Getenv("WAYLAND_DISPLAY"), "XAUTHORITY=" + os.Getenv("XAUTHORITY"),
		"XDG_RUNTIME_DIR=" + session, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + session + "/bus",
	}
	return command, nil
}

var errRootBrowser = agent.Errorf(agent.CodeInvalid, nil, "root não abre um navegador")

// callerOfRoot is who called root by sudo or pkexec.
func callerOfRoot(getenv func(string) string) (*user.User, error) {
	if name := getenv("SUDO_USER"); name != "" && name != "root" {
		return user.Lookup(name)
	}
	if id := getenv("PKEXEC_UID"); id != "" && id != "0" {
		return user.LookupId(id)
	}
	return nil, errRootBrowser
}
