#!/usr/bin/env bash
# Runs every test with the race detector. Its runtime now and then kills a program with "ThreadSanitizer: CHECK failed" or a
# SIGSEGV of its own (outside of Go, whose faults are panics): about itself and not about us. Packages that ended so, without a
# failed test or a race, are run once more.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
go test -race -timeout 30m ./... 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
[ "$status" -ne 0 ] || exit 0
packages=$(sed -nE 's/^FAIL[[:space:]]+([^[:space:]]+).*/\1/p' "$log")
died=$(grep -cE 'ThreadSanitizer: CHECK failed|^SIGSEGV: segmentation violation|^fatal error: fault' "$log")
if [ "$died" -eq 0 ] || [ "$died" -ne "$(wc -w <<<"$packages")" ] || grep -qE -- '--- FAIL|DATA RACE|^panic:|build failed' "$log"; then
  exit "$status"
fi
echo "the race detector failed by itself; once more: $packages"
# shellcheck disable=SC2086 # several words
go test -race -timeout 30m -count=1 $packages
