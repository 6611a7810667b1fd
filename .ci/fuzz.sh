#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while, as many at a time as there are processors, each with one worker:
#   bash .ci/fuzz.sh [TIME each, default 20s] [part of a package's path or of a target's name]
# An input that fails is written below the package's testdata/fuzz: keep it there, it is a regression seed from then on.
# Ends with 3 when inputs failed and all else went well: .ci/run says so and goes on, since what is tried is another each time
# and no fault of the change at hand (go test ./... repeats all known inputs); .ci/night fails.
# Only this module's packages count coverage, not the libraries and not Go's own: those are built once for all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export each="${1:-20s}"
only="${2:-}"
work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT

build() {
  go test -vet=off -c -ldflags='-s -w' -gcflags='pdvagent/...=-d=libfuzzer' -o "$work/${1//\//_}.test" "$1"
}

one() {
  local package=$1 target=$2 name
  name="${package//\//_}"
  # go's fuzzer now and then ends with "context deadline exceeded" and no failing input when its time is over just as an
  # input is tried on a busy machine: that is its clock, not our code.
  if (cd "$package" && "$work/$name.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$each" -test.fuzzminimizetime 2s \
    -test.parallel 1 -test.fuzzcachedir "$work/corpus/$name") >"$work/$name.$target.log" 2>&1 ||
    { grep -q '^ *context deadline exceeded$' "$work/$name.$target.log" && ! grep -qE 'Failing input|panic:|_test\.go:' "$work/$name.$target.log"; }; then
    if grep -q 'not built with coverage' "$work/$name.$target.log"; then
      echo "$package $target: without coverage"
      return 1
    fi
    printf '%-40s %-18s %s\n' "$package" "$target" "$(grep -o 'execs: [0-9]*' "$work/$name.$target.log" | tail -1)"
  else
    cat "$work/$name.$target.log"
    grep -q 'Failing input written' "$work/$name.$target.log" || return 1
    echo "$package $target" >>"$work/found"
  fi
}
export -f build one

targets=$(git grep -oE '^func Fuzz[A-Za-z]+' -- '*_test.go' | sed -E 's|^(.*)/[^/]+:func (Fuzz[A-Za-z]+)$|./\1 \2|' | grep -F -- "$only")
cut -d ' ' -f 1 <<<"$targets" | sort -u | xargs -P "$(nproc)" -L 1 bash -c 'build "$0"'
xargs -P "$(nproc)" -L 1 bash -c 'one "$0" "$1"' <<<"$targets"
if [ -s "$work/found" ]; then
  printf '\nFOUND, each with the input above: mend it and keep the input\n%s\n' "$(cat "$work/found")"
  exit 3
fi
