#!/usr/bin/env bash
# Runs the tests of store, sender and tillapi and the demo as Windows programs under wine. Installs wine where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
wine=/usr/lib/wine/wine64
bash .ci/packages.sh wine64 wine
work=$(mktemp -d)
export WINEPREFIX="$work/prefix" WINEDEBUG=-all
unset DISPLAY || true
cleanup() { wineserver -k >/dev/null 2>&1 || /usr/lib/wine/wineserver64 -k >/dev/null 2>&1 || true; rm -rf "$work"; }
trap cleanup EXIT
"$wine" wineboot -i >/dev/null 2>&1
go run .ci/prngdll.go "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"

export GOOS=windows GOARCH=amd64 CGO_ENABLED=0
for package in ./store ./agent/osfile ./agent/ops/service ./agent/sales/sender ./agent/till/api ./store/internal/envelope ./store/internal/commit ./store/internal/keyring; do
  name=$(basename "$package")
  go test -vet=off -c -ldflags='-s -w' -o "$work/$name.test.exe" "$package"
  echo "== $package under wine"
  amounts=()
  if [ "$package" = ./store ]; then amounts=(-kills=10 -damaged-files=30 -rapid.checks=20); fi # every start and file is slow under wine
  (cd "$package" && timeout 1500 "$wine" "$work/$name.test.exe" -test.v=false -test.timeout=24m "${amounts[@]}" "$@")
done
echo "== the lines of docs/instalacao.md in cmd.exe"
GOOS='' GOARCH='' go test -vet=off -count=1 -run '^TestFortyTillsFromTheCommandPrompt$' ./cmd/internal/cli
echo "== instalar.bat of homologation fleet in cmd.exe"
GOOS='' GOARCH='' go test -vet=off -count=1 -run '^TestTheBatchFileInstallsAndChecks$' ./agent/ops/fleet
go build -o "$work/pdvagent.exe" ./cmd/pdvagent
echo "== demo --once under wine"
(cd "$work" && timeout 120 "$wine" "$work/pdvagent.exe" demo --once)
