package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers itself
)

// pack makes one package of a Linux program.
func (b *builder) pack(kind, arch, program string) (string, error) {
	packager, err := nfpm.Get(kind)
	if err != nil {
		return "", err
	}
	names, err := guides()
	if err != nil {
		return "", err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "pdvagent", Arch: arch, Platform: "linux", Version: b.version, Section: "net", Priority: "optional",
		Maintainer: "pdvagent <suporte@pdvagent.invalid>", Vendor: "pdvagent", License: "proprietary",
		Description: "Agente local do caixa: fidelidade, fila de vendas e pagamentos.\nO programa do caixa o chama em 127.0.0.1; ele fala com as nuvens e não perde vendas.",
		Overridables: nfpm.Overridables{
			Contents: files.Contents{
				{Source: program, Destination: "/usr/bin/pdvagent", FileInfo: &files.ContentFileInfo{Mode: 0o755}},
				{Source: "installer/linux/pdvagent.service", Destination: "/lib/systemd/system/pdvagent.service", FileInfo: &files.ContentFileInfo{Mode: 0o644}},
				{Source: "installer/linux/pdvagent-console.desktop", Destination: "/usr/share/applications/pdvagent-console.desktop", FileInfo: &files.ContentFileInfo{Mode: 0o644}},
				{Source: "config.example.yaml", Destination: "/usr/share/doc/pdvagent/config.example.yaml", FileInfo: &files.ContentFileInfo{Mode: 0o644}},
			},
			Scripts: nfpm.Scripts{
				PreInstall: "installer/linux/preinstall.sh", PostInstall: "installer/linux/postinstall.sh",
				PreRemove: "installer/linux/preremove.sh", PostRemove: "installer/linux/postremove.sh",
			},
		},
	})
	for _, name := range names {
		info.Contents = append(info.Contents, &files.Content{
			Source: "docs/" + name, Destination: "/usr/share/doc/pdvagent/" + name, FileInfo: &files.ContentFileInfo{Mode: 0o644},
		})
	}
	if err := nfpm.PrepareForPackager(info, kind); err != nil {
		return "", err
	}
	path := filepath.Join(b.out, packager.ConventionalFileName(info))
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	return path, errors.Join(packager.Package(info, file), file.Close())
}
