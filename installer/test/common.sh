# shellcheck shell=bash
# What the scripts of this folder share. They print what they measure, and end non-zero when anything is not as promised.
say() { printf '   %s\n' "$*"; }
ms() { date +%s%3N; }
# until_ok SECONDS COMMAND ... waits for a command to succeed
until_ok() {
  local end=$(($(ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(ms)" -lt "$end" ] || return 1
    sleep 0.05
  done
}
# needs PROGRAM:PACKAGE ... installs the packages whose programs are missing
needs() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
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
