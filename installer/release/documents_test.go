package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

// Who has a package and no internet has every guide, and no link in one leads nowhere.
func TestGuidesAreCompleteAndTheirLinksStay(t *testing.T) {
	t.Chdir(agenttest.Root())
	names, err := guides()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CHANGELOG.md", "boletos.md", "cargas.md", "exemplos/README.md", "exemplos/venda.pas", "fidelidade.md", "grafana-painel.json", "instalacao.md",
		"monitoramento.md", "pagamentos.md", "prometheus-alertas.yaml", "sandbox.md", "suporte.md", "telas/loja.png", "troca-de-maquina.md",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for _, name := range names {
		if strings.HasPrefix(name, "spec/") || slices.Contains(developers(), name) {
			t.Errorf("%s is for developers", name)
		}
		if path.Ext(name) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("docs", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if to := path.Join(path.Dir(name), found[1]); !slices.Contains(names, to) {
				t.Errorf("%s leads to %s, which no package brings", name, to)
			}
		}
	}
}

func TestDebianPackageBringsTheGuides(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		agenttest.Missing(t, "dpkg-deb")
	}
	folder := t.TempDir()
	t.Chdir(agenttest.Root())
	program := filepath.Join(folder, "pdvagent")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &builder{version: "1.4.0", out: folder, work: folder}
	for _, kind := range []string{"deb", "rpm"} {
		made, err := b.pack(kind, "amd64", program)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "rpm" { // of the same contents
			continue
		}
		list, err := exec.Command("dpkg-deb", "--contents", made).Output()
		if err != nil {
			t.Fatal(err)
		}
		names, err := guides()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, "config.example.yaml") {
			if !regexp.MustCompile(`(?m)^-rw-r--r-- root/root .* \./usr/share/doc/pdvagent/` + regexp.QuoteMeta(name) + `$`).Match(list) {
				t.Errorf("the %s has no readable %s:\n%s", kind, name, list)
			}
		}
	}
}

func TestSetupProgramBringsTheGuides(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(agenttest.Root())
	b := &builder{work: folder}
	laid, err := b.documents()
	if err != nil {
		t.Fatal(err)
	}
	names, err := guides()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "config.example.yaml") {
		if _, err := fs.Stat(os.DirFS(laid), "docs/"+name); err != nil {
			t.Error(err)
		}
	}
}
