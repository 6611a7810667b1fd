package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
)

// brazilian is the language of the version's texts.
const brazilian = 0x416

// digits is a version as Windows wants it: four numbers for a resource, three for an .msi.
func (b *builder) digits(parts int) string {
	found := numeric.FindStringSubmatch(b.version)
	return strings.Join(append(found[1:4:4], "0")[:parts], ".")
}

// finish puts version, manifest and icon into a Windows program, and signs it.
func (b *builder) finish(ctx context.Context, t target, program string) error {
	resources, err := b.resources()
	if err != nil {
		return err
	}
	bare, err := os.Open(program)
	if err != nil {
		return err
	}
	whole, err := os.Create(filepath.Join(b.work, t.arch+".exe"))
	if err != nil {
		return errors.Join(err, bare.Close())
	}
	err = resources.WriteToEXE(whole, bare)
	if err = errors.Join(err, bare.Close(), whole.Close()); err != nil {
		return err
	}
	if err := move(whole.Name(), program); err != nil {
		return err
	}
	return b.signer.sign(ctx, program)
}

// move replaces a file by another, which may lie on another disk.
func move(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755) //nolint:gosec // a program may be run by all
}

func (b *builder) resources() (*winres.ResourceSet, error) {
	resources := new(winres.ResourceSet)
	icon, err := icon()
	if err != nil {
		return nil, err
	}
	if err := resources.SetIcon(winres.Name("PDVAGENT"), icon); err != nil {
		return nil, err
	}
	resources.SetManifest(winres.AppManifest{
		Identity: winres.AssemblyIdentity{Name: "pdvagent"}, Description: "pdvagent, o agente local do caixa",
		Compatibility: winres.Win10AndAbove, ExecutionLevel: winres.AsInvoker, LongPathAware: true,
	})
	var info version.Info
	info.SetFileVersion(b.digits(4))
	info.SetProductVersion(b.digits(4))
	for key, text := range map[string]string{
		version.ProductName: "pdvagent", version.FileDescription: "pdvagent, o agente local do caixa", version.CompanyName: "pdvagent",
		version.InternalName: "pdvagent", version.OriginalFilename: "pdvagent.exe", version.FileVersion: b.version, version.ProductVersion: b.version,
	} {
		if err := info.Set(brazilian, key, text); err != nil {
			return nil, err
		}
	}
	resources.SetVersionInfo(info)
	return resources, nil
}

// setup makes the setup program by NSIS.
func (b *builder) setup(ctx context.Context, t target, program string) (string, error) {
	iconFile := filepath.Join(b.work, "pdvagent.ico")
	if err := writeIcon(iconFile); err != nil {
		return "", err
	}
	docs, err := b.documents()
	if err != nil {
		return "", err
	}
	stub := "amd64-unicode"
	if t.arch == "386" {
		stub = "x86-unicode"
	}
	path := b.name(t, "_setup.exe")
	args := []string{
		"-V2", "-INPUTCHARSET", "UTF8", "-DTARGET=" + stub, "-DARCH=" + t.arch, "-DVERSION=" + b.version, "-DNUMERIC=" + b.digits(4),
		"-DPROGRAM=" + program, "-DDOCS=" + docs, "-DICON=" + iconFile, "-DOUT=" + path,
	}
	if b.signer.certificate != "" { // the uninstaller is made by NSIS itself, in the middle
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		command := []string{self, "--sign", b.signer.certificate}
		if b.signer.timestamp != "" {
			command = append(command, "--sign-timestamp", b.signer.timestamp)
		}
		args = append(args, "-DSIGN="+strings.Join(append(command, "--sign-file"), " "))
	}
	if err := tool(ctx, "nsis", "makensis", append(args, "installer/windows/setup.nsi")...); err != nil {
		return "", err
	}
	return path, b.signer.sign(ctx, path)
}

// The .msi's public properties, and those of them that Windows Installer's log must not show.
const (
	publicProperties = "SHOP;TILL;PRIMARY;BASEURL;TOKEN;LISTEN;DATADIR;DIALECT;PDVVERSION;TILLTOKEN;SUPPORTTOKEN;ADMINTOKEN;ANSWERS;PURGE"
	hiddenProperties = "TOKEN;TILLTOKEN;SUPPORTTOKEN;ADMINTOKEN"
)

// msi makes the package for group policy: by wixl, and by msibuild what wixl does not know.
func (b *builder) msi(ctx context.Context, t target, program string) (string, error) {
	path := b.name(t, ".msi")
	for from, to := range map[string]string{program: "pdvagent.exe", "installer/windows/pdvagent.wxs": "pdvagent.wxs"} { // wixl takes files beside its own
		if err := move(from, filepath.Join(b.work, to)); err != nil {
			return "", err
		}
	}
	if err := tool(ctx, "wixl", "wixl", "-a", "x64", "-D", "VERSION="+b.digits(3), "-o", path, filepath.Join(b.work, "pdvagent.wxs")); err != nil {
		return "", err
	}
	const hideTarget = 3090 + 8192 // a program of this package, deferred, as the system, its command line not logged
	queries := []string{
		"UPDATE `Property` SET `Value` = 'WIX_UPGRADE_DETECTED;WIX_DOWNGRADE_DETECTED;" + publicProperties + "' WHERE `Property` = 'SecureCustomProperties'",
		"INSERT INTO `Property` (`Property`, `Value`) VALUES ('MsiHiddenProperties', '" + hiddenProperties + "')",
		fmt.Sprintf("UPDATE `CustomAction` SET `Type` = %d WHERE `Action` = 'Apply'", hideTarget),
		"UPDATE `RegLocator` SET `Type` = 18 WHERE `Signature_` = 'Windows10'", // raw, of the 64-bit registry
		// The version of before goes first, inside the transaction: when the new one fails Windows registers it again.
		"UPDATE `InstallExecuteSequence` SET `Sequence` = 1501 WHERE `Action` = 'RemoveExistingProducts'",
		"UPDATE `InstallExecuteSequence` SET `Sequence` = 3499 WHERE `Action` = 'Remove'", // before RemoveFiles
	}
	args := []string{path}
	for _, query := range queries {
		args = append(args, "-q", query)
	}
	if err := tool(ctx, "msitools", "msibuild", args...); err != nil {
		return "", err
	}
	return path, b.signer.sign(ctx, path)
}

// signer signs what Windows runs; without a certificate it does nothing.
type signer struct{ certificate, password, timestamp string }

func (s signer) sign(ctx context.Context, path string) error {
	if s.certificate == "" {
		return nil
	}
	signed := path + ".signed"
	args := []string{"sign", "-pkcs12", s.certificate, "-readpass", "/dev/stdin", "-n", "pdvagent", "-h", "sha256"}
	if s.timestamp != "" {
		args = append(args, "-ts", s.timestamp)
	}
	command := exec.CommandContext(ctx, "osslsigncode", append(args, "-in", path, "-out", signed)...) //nolint:gosec // a file of this release
	command.Stdin = strings.NewReader(s.password)
	out, err := command.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("osslsigncode is missing: apt-get install osslsigncode")
	}
	if err != nil {
		return fmt.Errorf("osslsigncode: %w\n%s", err, out)
	}
	return os.Rename(signed, path)
}
