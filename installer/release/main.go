// Command release builds what is installed: the programs, the Debian and RPM packages with the hardened unit, and their
// checksums.
//
//	go run ./installer/release --version 1.4.0 --out dist
//
// The Windows installers are not here yet; the Windows programs are.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers itself
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	version := flag.String("version", "", "version of the release, as 1.4.0")
	out := flag.String("out", "dist", "folder to write to")
	flag.Parse()
	if err := release(ctx, *version, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// target is one program, and the packages that carry it.
type target struct {
	os, arch string
	packages []string // of nfpm
}

func targets() []target {
	return []target{
		{"linux", "amd64", []string{"deb", "rpm"}},
		{"linux", "arm64", []string{"deb"}},
		{"windows", "amd64", nil},
		{"windows", "386", nil},
	}
}

func release(ctx context.Context, version, out string, say io.Writer) error {
	if version == "" || strings.ContainsAny(version, " /\\") {
		return errors.New("--version is required, as 1.4.0")
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // a release may be read by all
		return err
	}
	var made []string
	for _, t := range targets() {
		program, err := build(ctx, t, version, out)
		if err != nil {
			return err
		}
		made = append(made, program)
		for _, kind := range t.packages {
			file, err := pack(kind, t.arch, version, program, out)
			if err != nil {
				return fmt.Errorf("%s for %s: %w", kind, t.arch, err)
			}
			made = append(made, file)
		}
	}
	sums, err := checksums(made)
	if err != nil {
		return err
	}
	fmt.Fprint(say, sums)
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums), 0o644) //nolint:gosec // a release may be read by all
}

// build compiles one program: no cgo, no paths of this machine, no symbols.
func build(ctx context.Context, t target, version, out string) (string, error) {
	name := fmt.Sprintf("pdvagent_%s_%s_%s", version, t.os, t.arch)
	if t.os == "windows" {
		name += ".exe"
	}
	path := filepath.Join(out, name)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/pdvagent") //nolint:gosec // our own build
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch)
	command.Stderr = os.Stderr
	return path, command.Run()
}

// pack makes one package of a Linux program.
func pack(kind, arch, version, program, out string) (string, error) {
	packager, err := nfpm.Get(kind)
	if err != nil {
		return "", err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "pdvagent", Arch: arch, Platform: "linux", Version: version, Section: "net", Priority: "optional",
		Maintainer: "pdvagent <suporte@pdvagent.invalid>", Vendor: "pdvagent", License: "proprietary",
		Description: "Agente local do caixa: fidelidade, fila de vendas e pagamentos.\nO programa do caixa o chama em 127.0.0.1; ele fala com as nuvens e não perde vendas.",
		Overridables: nfpm.Overridables{
			Contents: files.Contents{
				{Source: program, Destination: "/usr/bin/pdvagent", FileInfo: &files.ContentFileInfo{Mode: 0o755}},
				{Source: "installer/linux/pdvagent.service", Destination: "/lib/systemd/system/pdvagent.service", FileInfo: &files.ContentFileInfo{Mode: 0o644}},
				{Source: "config.example.yaml", Destination: "/usr/share/doc/pdvagent/config.example.yaml", FileInfo: &files.ContentFileInfo{Mode: 0o644}},
				{Source: "docs/suporte.md", Destination: "/usr/share/doc/pdvagent/suporte.md", FileInfo: &files.ContentFileInfo{Mode: 0o644}},
			},
			Scripts: nfpm.Scripts{
				PreInstall: "installer/linux/preinstall.sh", PostInstall: "installer/linux/postinstall.sh",
				PreRemove: "installer/linux/preremove.sh", PostRemove: "installer/linux/postremove.sh",
			},
		},
	})
	if err := nfpm.PrepareForPackager(info, kind); err != nil {
		return "", err
	}
	path := filepath.Join(out, packager.ConventionalFileName(info))
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	return path, errors.Join(packager.Package(info, file), file.Close())
}

// checksums gives the lines of sha256sum.
func checksums(paths []string) (string, error) {
	slices.Sort(paths)
	var out strings.Builder
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(content), filepath.Base(path))
	}
	return out.String(), nil
}
