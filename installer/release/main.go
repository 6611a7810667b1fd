// Command release builds what is installed, on Linux, by one command: the programs, the Windows setup programs and the
// .msi, the Debian and RPM packages with the hardened unit, and their checksums.
//
//	go run ./installer/release --version 1.4.0 --out dist
//
// It needs makensis (nsis), wixl and msibuild (msitools) beside Go; with --sign also osslsigncode. --only builds a part.
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
	"regexp"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var r builder
	var only, signOne string
	flag.StringVar(&r.version, "version", "", "version of the release, as 1.4.0")
	flag.StringVar(&r.out, "out", "dist", "folder to write to")
	flag.StringVar(&only, "only", "", "build a part only: linux, windows/386, windows/amd64/setup")
	flag.StringVar(&r.signer.certificate, "sign", "", "PKCS#12 file to sign Windows programs with; its password in PDVAGENT_SIGN_PASSWORD")
	flag.StringVar(&r.signer.timestamp, "sign-timestamp", "", "URL of a timestamp server")
	flag.StringVar(&signOne, "sign-file", "", "sign this one file, and nothing else")
	flag.Parse()
	r.say, r.signer.password = os.Stdout, os.Getenv("PDVAGENT_SIGN_PASSWORD")
	var err error
	if signOne != "" {
		err = r.signer.sign(ctx, signOne)
	} else {
		err = r.release(ctx, only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// builder is one release being built.
type builder struct {
	version, out string
	signer       signer
	say          io.Writer
	work         string // temporary
	made         []string
}

// target is one program, and the packages that carry it.
type target struct {
	os, arch string
	packages []string
}

func targets() []target {
	return []target{
		{"linux", "amd64", []string{"deb", "rpm"}},
		{"linux", "arm64", []string{"deb"}},
		{"windows", "amd64", []string{"setup", "msi"}},
		{"windows", "386", []string{"setup"}},
	}
}

// part is what of a target --only wants.
func (t target) part(only string) (target, bool) {
	names := strings.Split(only, "/")
	if only == "" {
		return t, true
	}
	if names[0] != t.os || (len(names) > 1 && names[1] != t.arch) {
		return t, false
	}
	if len(names) > 2 {
		t.packages = slices.DeleteFunc(t.packages, func(kind string) bool { return kind != names[2] })
	}
	return t, true
}

// numeric is a version that every system of packages takes; what is behind a dash is a preview.
var numeric = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})\.(\d{1,5})(-[0-9A-Za-z.]+)?$`)

func (b *builder) release(ctx context.Context, only string) (err error) {
	if !numeric.MatchString(b.version) {
		return errors.New("--version is required, as 1.4.0 or 1.4.0-rc1")
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil { //nolint:gosec // a release may be read by all
		return err
	}
	if b.out, err = filepath.Abs(b.out); err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp("", "release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	for _, t := range targets() {
		t, wanted := t.part(only)
		if !wanted {
			continue
		}
		if err := b.target(ctx, t); err != nil {
			return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
		}
	}
	sums, err := checksums(b.made)
	if err != nil {
		return err
	}
	fmt.Fprint(b.say, sums)
	return os.WriteFile(filepath.Join(b.out, "SHA256SUMS"), []byte(sums), 0o644) //nolint:gosec // a release may be read by all
}

// target builds one program and its packages.
func (b *builder) target(ctx context.Context, t target) error {
	program, err := b.build(ctx, t)
	if err != nil {
		return err
	}
	if t.os == "windows" {
		if err := b.finish(ctx, t, program); err != nil {
			return err
		}
	}
	b.made = append(b.made, program)
	for _, kind := range t.packages {
		var file string
		switch kind {
		case "setup":
			file, err = b.setup(ctx, t, program)
		case "msi":
			file, err = b.msi(ctx, t, program)
		default:
			file, err = b.pack(kind, t.arch, program)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		b.made = append(b.made, file)
	}
	return nil
}

// name is a file of the release.
func (b *builder) name(t target, ending string) string {
	return filepath.Join(b.out, fmt.Sprintf("pdvagent_%s_%s_%s%s", b.version, t.os, t.arch, ending))
}

// seldomCalled are packages whose calls are not inlined: nearly a megabyte less, and no call of theirs is in a hurry (drivers,
// YAML, metrics, commands, what a person waits for). modernc.org is not among them: it grows.
func seldomCalled() []string {
	return []string{"github.com/...", "google.golang.org/...", "golang.org/...", "gopkg.in/...", "pdvagent/cmd/...", "pdvagent/payments/...", "pdvagent/agent/ops/..."}
}

// build compiles one program: no cgo, no paths of this machine, no symbols.
func (b *builder) build(ctx context.Context, t target) (string, error) {
	path := b.name(t, "")
	if t.os == "windows" {
		path += ".exe"
	}
	arguments := []string{"build", "-trimpath", "-ldflags", "-s -w -funcalign=8 -X pdvagent/cmd/internal/app.Version=" + b.version}
	for _, packages := range seldomCalled() {
		arguments = append(arguments, "-gcflags="+packages+"=-l")
	}
	command := exec.CommandContext(ctx, "go", append(arguments, "-o", path, "./cmd/pdvagent")...) //nolint:gosec // our own build
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch)
	command.Stderr = os.Stderr
	return path, command.Run()
}

// tool runs a program that is no part of Go; debian is its package.
func tool(ctx context.Context, debian, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // the programs named in this package
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is missing: apt-get install %s", name, debian)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
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
