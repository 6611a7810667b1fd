# shellcheck shell=bash
# What the scripts of this folder share. They print what they measure, and end non-zero when anything is not as promised.
say() { printf '   %s\n' "$*"; }
ms() { date +%s%3N; }
# promise WHAT MS LIMIT prints a time beside what is promised (promises.md). Beside other work it may be missed: it fails
# with PDVAGENT_QUIET=yes only, which says that the machine does nothing else.
promise() {
  if [ "$2" -le "$3" ]; then
    say "$1: $2 ms"
    return
  fi
  say "$1: $2 ms, promised are $3: MISSED"
  [ "${PDVAGENT_QUIET:-}" != yes ] || die "$1"
}
# until_ok SECONDS COMMAND ... waits for a command to succeed
until_ok() {
  local end=$(($(ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(ms)" -lt "$end" ] || return 1
    sleep 0.05
  done
}
# answers PATTERN COMMAND ... reads all that a command prints before it looks for the pattern: `| grep -q` goes at the first
# line that fits, and under pipefail a command that still prints has failed then.
answers() {
  local pattern=$1 output
  shift
  output=$("$@") || return
  grep -qE -- "$pattern" <<<"$output"
}
# first_pending reads the number of waiting jobs out of status --json
first_pending() { grep -o '"pending": *[0-9]*' | sed -n '1s/.*[^0-9]//p'; }
drained() { [ "$(pending)" -eq 0 ]; }
# sandbox PROGRAM ADDRESS starts the simulated cloud
sandbox() {
  "$1" sandbox --listen "$2" --token segredo >"$work/sandbox.log" 2>&1 &
  sandbox=$!
  until_ok 10 curl -sf "http://$2/control/mercafacil/received" || die "the simulated cloud does not start"
}
outage() {
  kill "$sandbox"
  wait "$sandbox" 2>/dev/null || true
  sandbox=""
}
arrived() { curl -s "http://$cloud/control/mercafacil/received" | grep -c "\"$1\"" || true; }
has_arrived() { [ "$(arrived "$1")" -ge 1 ]; }
health() { curl -sf --max-time 2 "http://$local/health"; }
# cancel ID [CURL OPTIONS] is a sale's smallest sister: on disk when it answers 202
cancel() {
  curl -s --max-time 20 -o /dev/null -w '%{http_code}' -X POST "http://$local/v2/transaction/cancel" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' -d "{\"transaction_id\":\"$1\"}" "${@:2}"
}
# thousand PREFIX queues 1,000 of them
thousand() {
  seq 1000 | xargs -P 8 -I{} curl -s -o /dev/null -X POST "http://$local/v2/transaction/cancel" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' -d "{\"transaction_id\":\"$1-{}\"}"
}
# distinct PREFIX is how many of a thousand have arrived
distinct() { curl -s "http://$cloud/control/mercafacil/received" | grep -oE "\"$1-[0-9]+\"" | sort -u | wc -l; }
