#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while, as many at a time as there are processors, each with one worker:
#   bash .ci/fuzz.sh [TIME each, default 20s] [part of a package's path or of a target's name]
# An input that fails is written below the package's testdata/fuzz: keep it there, it is a regression seed from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
export each="${1:-20s}" only="${2:-}"
logs=$(mktemp -d)
export logs
trap 'rm -rf "$logs"' EXIT

one() {
  local package=$1 target=$2 log="$logs/$2.log"
  # go's fuzzer now and then ends with "context deadline exceeded" and no failing input when its time is over just as an
  # input is tried on a busy machine: that is its clock, not our code.
  if go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 2s -parallel 1 >"$log" 2>&1 ||
    { grep -q '^ *context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic:|_test\.go:' "$log"; }; then
    printf '%-40s %-18s %s\n' "$package" "$target" "$(grep -o 'execs: [0-9]*' "$log" | tail -1)"
  else
    cat "$log"
    return 1
  fi
}
export -f one

git grep -hoE --full-name '^func Fuzz[A-Za-z]+' -- '*_test.go' >/dev/null # there are some, or this ends here
git grep -oE '^func Fuzz[A-Za-z]+' -- '*_test.go' |
  sed -E 's|^(.*)/[^/]+:func (Fuzz[A-Za-z]+)$|./\1 \2|' | grep -F -- "$only" |
  xargs -P "$(nproc)" -L 1 bash -c 'one "$0" "$1"'
