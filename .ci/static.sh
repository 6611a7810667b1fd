#!/usr/bin/env bash
# What can be said without running the program: modules, linters (go vet is one of them) and go vet for Windows, openapi.yaml,
# PowerShell, known vulnerabilities. The programs are built by the installers' scripts. With "install" it only
# installs its tools.
set -euo pipefail
cd "$(dirname "$0")/.."
bin="$PWD/.ci/cache/bin"
mkdir -p "$bin"
export GOLANGCI_LINT_CACHE="$PWD/.ci/cache/golangci" # what it knows of libraries is most of its work

# tool PATH@VERSION installs a tool of the Go module proxy once.
tool() {
  local stamp
  stamp="$bin/.$(basename "${1%@*}")-${1##*@}"
  if [ ! -e "$stamp" ]; then
    GOFLAGS=-trimpath GOBIN="$bin" go install "$1"
    touch "$stamp"
  fi
}
tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
tool golang.org/x/vuln/cmd/govulncheck@v1.8.0
[ "${1:-}" != install ] || exit 0

echo "dependencies are what they were"
go mod verify
go mod tidy -diff

echo "linters; for windows in what differs there, and go vet in all"
"$bin/golangci-lint" run ./...
mapfile -t differ < <(git grep -lE '^//go:build .*windows' -- '*.go' | cat - <(git ls-files '*_windows.go' '*_windows_test.go') | xargs -n 1 dirname | sort -u | sed 's|^|./|')
GOOS=windows "$bin/golangci-lint" run --disable govet "${differ[@]}"
GOOS=windows go vet ./...
(cd store/storebench && go vet .)

echo "openapi.yaml by the standard"
lint=$(npm exec --yes @redocly/cli@2.77.0 -- lint --extends=spec agent/till/api/docs/openapi.yaml 2>&1) || true
if grep -q 'API description is valid' <<<"$lint"; then
  echo "valid"
elif grep -q 'Validation failed' <<<"$lint"; then
  echo "$lint"
  exit 1
else
  echo "not checked: the linter cannot be had here"
fi

echo "PowerShell by its grammar"
if npm install --silent --no-save --prefix .ci/cache/npm @vscode/tree-sitter-wasm@0.3.1 >/dev/null 2>&1; then
  NODE_PATH=.ci/cache/npm/node_modules node .ci/powershell.js installer/test/*.ps1 agent/ops/fleet/*.ps1 docs/*.md
else
  echo "not checked: the grammar cannot be had here"
fi

echo "known vulnerabilities"
status=0
"$bin/govulncheck" ./... >"$bin/govulncheck.log" 2>&1 || status=$?
if [ "$status" -eq 0 ]; then
  echo "none"
elif grep -qiE 'fetching vulnerabilities|dial tcp|no such host|connection refused|403 Forbidden|bad gateway' "$bin/govulncheck.log"; then
  echo "not checked: the vulnerability data cannot be reached from here"
else
  cat "$bin/govulncheck.log"
  exit 1
fi
