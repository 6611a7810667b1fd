#!/usr/bin/env bash
# What keeps processors busy: the race detector, then faults in larger amounts, then fuzzing.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/lanes.sh

# These build programs, read files or replay what was recorded, and have little of their own to race; the stage before ran them.
alone=TestEachRecipeWorks,TestEveryDocumentThatIsCitedIsThere,TestWindowsProgramSaysWhatItIs,TestControlsOfThePowerCut
alone+=,TestTillsOfEveryLanguageSellTheirOwnNumbers,TestExamplesOfEveryLanguageSell,TestControlOfTheModel
alone+=,TestNothingThatAWholeAgentAcknowledgedIsLostByAPowerCut

stage "race detector"
# A raced program waits a second at its end for reports of others, and tests run hundreds of programs: a tenth is enough.
# SQLite, translated from C, is no code of ours and keeps its memory to itself. A package that waits leaves room for two more.
lane race env CGO_ENABLED=1 GORACE=atexit_sleep_ms=100 bash .ci/databases.sh go test -race -vet=off "-gcflags=modernc.org/...=-race=false -l" \
  -p 4 -skip "^(${alone//,/|})\$" -timeout 30m ./...
finish

stage "faults"
lane faults bash .ci/faults.sh
finish

stage "fuzzing"
lane fuzz bash -c 'bash .ci/fuzz.sh 8s || [ $? -eq 3 ]' # what it finds is said; .ci/night fails for it
finish

times
