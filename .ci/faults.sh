#!/usr/bin/env bash
# Faults in larger amounts than go test ./... meets, side by side: they mostly wait.
#   bash .ci/faults.sh              the amounts of .ci/run
#   bash .ci/faults.sh all          those of .ci/night
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/lanes.sh
if [ "${1:-}" = all ]; then
  checks=1000 steps=100 weeks=10 every=1 kills=60 soak=3m arithmetic=20000
else
  checks=150 steps=100 weeks=2 every=1 kills=20 soak=60s arithmetic=4000
fi
# Where a sync costs nothing more can be tried: the model asks for no disk.
memory=${TMPDIR:-/tmp}
if [ "$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -1 || echo 0)" -gt 4096 ]; then memory=/dev/shm; fi
fault=$(mktemp -d)/fault.test
go test -vet=off -c -ldflags='-s -w' -o "$fault" ./cmd/internal/e2e/fault
in_fault() { (cd cmd/internal/e2e/fault && "$fault" -test.timeout 40m "$@"); }
export fault
export -f in_fault

stage "faults"
lane soak bash -o pipefail -c "in_fault -test.run '^TestSoak' -soak=$soak -test.v | grep -v '^=== '"
lane kills bash -o pipefail -c "in_fault -test.run '^TestKilledAgentServes' -agent-kills=$kills -test.v | grep -v '^=== '"
lane weeks bash -c "in_fault -test.run '^TestAWeekOfTills' -weeks=$weeks -first-week=1"
lane matrix bash -c "in_fault -test.run '^TestEveryTroubleOfEveryRoute' -matrix-every=$every"
lane model env TMPDIR="$memory" go test -vet=off ./store -run '^TestStoreBehavesLikeItsModel' -rapid.checks=$checks -rapid.steps=$steps -rapid.seed=1 -timeout 40m
lane arithmetic go test -vet=off ./agent/sales/basket -rapid.checks=$arithmetic
finish
times
