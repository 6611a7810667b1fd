#!/usr/bin/env bash
# A campaign of faults over hours, in slices: SIGKILLs, power cuts, failed system calls, full disks and damaged files of the store;
# whole agents that live through all of them beside a hostile cloud; simulated weeks; requests nobody would send.
#   bash .ci/campaign.sh [--hours N]     until the amounts below are reached, or for N hours
# What is done is noted in .ci/cache/campaign, for the tree as it is: run again, it goes on there. It ends non-zero with the first
# fault; the slice is not noted then. The figures are printed at the end, and by: bash .ci/campaign.sh --hours 0
set -euo pipefail
cd "$(dirname "$0")/.."
hours=${2:-1000}
[ $# -eq 0 ] || [ "$1" = --hours ] || { echo "usage: $0 [--hours N]" >&2; exit 2; }
export PDVAGENT_REQUIRE=all CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -trimpath"

# unit, amount of the whole campaign, amount of a slice
units="kills 15000 500
power-cuts 20000 1000
damaged-files 10000 500
fault-points 300 300
full-disks 500 25
shops 500 10
agent-power-cuts 300 15
weeks 100 2
requests 1000000 60000"

mkdir -p .ci/cache/campaign
noted=.ci/cache/campaign/$(git rev-parse --short 'HEAD^{tree}')
touch "$noted"
reached() { awk -v unit="$1" '$1 == unit { sum += $2 } END { print sum + 0 }' "$noted"; }
took() { awk -v unit="$1" '$1 == unit { sum += $3 } END { printf "%.2f", sum / 3600 }' "$noted"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work
build() {
  go test -vet=off -c -o "$work/store.test" ./store
  go test -vet=off -c -o "$work/fault.test" ./cmd/internal/e2e/fault
}
# slice UNIT AMOUNT FROM does a slice; what it says last is its own figure.
slice() {
  case $1 in
  kills) (cd store && "$work/store.test" -test.v -test.timeout 2h -test.run '^TestNothing.*SIGKILL' -kills "$2") ;;
  power-cuts) (cd store && "$work/store.test" -test.v -test.timeout 2h -test.run '^TestNothing.*PowerCut' -power-cuts "$2" -cases-from "$3") ;;
  damaged-files) (cd store && "$work/store.test" -test.v -test.timeout 2h -test.run '^TestDamagedFile' -damaged-files "$2" -cases-from "$3") ;;
  fault-points) (cd store && "$work/store.test" -test.v -test.timeout 2h -test.run 'FailedSystemCall' -fault-points "$2") ;;
  full-disks) (cd store && "$work/store.test" -test.v -test.timeout 2h -test.run 'FullDisk' -full-disks "$2") ;;
  shops) (cd cmd/internal/e2e/fault && "$work/fault.test" -test.v -test.timeout 2h -test.run '^TestAShopUnderEverything' -campaign "$2" -campaign-from "$3") ;;
  agent-power-cuts) (cd cmd/internal/e2e/fault && "$work/fault.test" -test.v -test.timeout 2h -test.run '^TestNothingThatAWholeAgent' -agent-power-cuts "$2" -agent-power-cuts-from "$3") ;;
  weeks) (cd cmd/internal/e2e/fault && "$work/fault.test" -test.v -test.timeout 2h -test.run '^TestAWeekOfTills' -weeks "$2" -first-week "$3") ;;
  requests) bash .ci/fuzz.sh 20s agent/till ;;
  esac | grep -v '^=== \|^    --- PASS'
}
export -f slice

# amount UNIT AMOUNT is what a slice has done: of requests it is known afterwards.
amount() {
  if [ "$1" = requests ]; then
    grep -o 'execs: [0-9]*' "$work/$1.log" | awk '{ sum += $2 } END { print sum + 0 }'
  else
    echo "$2"
  fi
}

one() {
  local unit=$1 size=$2 from=$3 began=$SECONDS
  bash -o pipefail -c 'slice "$@"' slice "$unit" "$size" "$from" >"$work/$unit.log" 2>&1 || { cat "$work/$unit.log"; return 1; }
  printf '%s %s %s\n' "$unit" "$(amount "$unit" "$size")" $((SECONDS - began)) >>"$noted"
  grep -E '^ .*: .* [0-9]+ |execs' "$work/$unit.log" | tail -3 || true
}

figures() {
  printf '\n== figures, of tree %s\n' "$(basename "$noted")"
  while read -r unit whole _; do
    printf '%-16s %8s of %8s in %5s h\n' "$unit" "$(reached "$unit")" "$whole" "$(took "$unit")"
  done <<<"$units"
}

until_over=$((SECONDS + $(awk -v h="$hours" 'BEGIN { printf "%d", h * 3600 }')))
[ "$hours" = 0 ] || build
while [ "$SECONDS" -lt "$until_over" ]; do
  open=0
  while read -r unit whole size; do
    from=$(reached "$unit")
    [ "$from" -lt "$whole" ] && [ "$SECONDS" -lt "$until_over" ] || continue
    open=1
    echo "-- $unit, $from of $whole ($(date -u +%H:%M:%S))"
    one "$unit" $((size < whole - from ? size : whole - from)) "$from"
  done <<<"$units"
  [ "$open" = 1 ] || break
done
figures
