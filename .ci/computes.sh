#!/usr/bin/env bash
# What keeps processors busy: the race detector, then faults in larger amounts, then fuzzing.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/lanes.sh

stage "race detector"
lane race env CGO_ENABLED=1 bash .ci/databases.sh go test -race -vet=off -skip '^TestEachRecipeWorks$' -timeout 30m ./... # vet and the recipes were in the stage before
finish

stage "faults"
lane faults bash .ci/faults.sh
finish

stage "fuzzing"
lane fuzz bash -c 'bash .ci/fuzz.sh 8s || [ $? -eq 3 ]' # what it finds is said; .ci/night fails for it
finish

times
