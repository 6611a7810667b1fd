package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
)

func TestWindowsProgramSaysWhatItIs(t *testing.T) {
	folder := t.TempDir()
	source, program := filepath.Join(folder, "main.go"), filepath.Join(folder, "x.exe")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "386"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, source)
		build.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		b := &builder{version: "1.4.0-rc1", work: folder}
		if err := b.finish(t.Context(), target{"windows", arch, nil}, program); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		resources, err := winres.LoadFromEXE(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		if manifest := string(resources.Get(winres.RT_MANIFEST, winres.ID(1), winres.LCIDDefault)); !strings.Contains(manifest, "asInvoker") || !strings.Contains(manifest, "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}") { // Windows 10
			t.Errorf("%s: the manifest is %s", arch, manifest)
		}
		info, err := version.FromBytes(resources.Get(winres.RT_VERSION, winres.ID(1), brazilian))
		if err != nil {
			t.Fatal(err)
		}
		if info.FileVersion != [4]uint16{1, 4, 0, 0} {
			t.Errorf("%s: version %v", arch, info.FileVersion)
		}
		if icon, err := resources.GetIcon(winres.Name("PDVAGENT")); err != nil || icon == nil {
			t.Errorf("%s: no icon: %v", arch, err)
		}
	}
}

func TestGateBuildsAsAReleaseIsBuilt(t *testing.T) {
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, packages := range seldomCalled() {
		names = append(names, strings.TrimSuffix(packages, "/..."))
	}
	if want := "for packages in " + strings.Join(names, " ") + "; do"; !strings.Contains(string(script), want) {
		t.Errorf(".ci/run lacks %q: it compiles everything twice", want)
	}
}

func TestPartOfAReleaseIsWhatWasAskedFor(t *testing.T) {
	for only, want := range map[string]string{
		"":                    "linux/amd64:deb,rpm linux/arm64:deb windows/amd64:setup,msi windows/386:setup",
		"linux":               "linux/amd64:deb,rpm linux/arm64:deb",
		"windows/386":         "windows/386:setup",
		"windows/amd64/setup": "windows/amd64:setup",
	} {
		var parts []string
		for _, t := range targets() {
			if t, wanted := t.part(only); wanted {
				parts = append(parts, t.os+"/"+t.arch+":"+strings.Join(t.packages, ","))
			}
		}
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("%q: %s, want %s", only, got, want)
		}
	}
}

func TestVersionThatNoPackageTakesIsRefused(t *testing.T) {
	for _, version := range []string{"", "1.4", "v1.4.0", "1.4.0 beta", "1.4.70000000", "../1.4.0"} {
		b := &builder{version: version, out: t.TempDir(), say: os.Stderr}
		if err := b.release(t.Context(), "none"); err == nil {
			t.Errorf("%q is taken", version)
		}
	}
}
