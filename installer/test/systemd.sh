#!/usr/bin/env bash
# Tries the unit under a booted systemd: start, rights, a SIGKILL, a hang, a stop with a request at hand, a power cut and
# reboot, with sales all the while. Prints what it measures; ends non-zero when anything is not as promised. Wants root.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool="$PWD/installer/test/systemd-root.sh"
root="$PWD/.ci/cache/root"
cloud=127.0.0.1:18790 local=127.0.0.1:18780
work=$(mktemp -d)
pid=""
sandbox=""
cleanup() {
  [ -z "$pid" ] || bash "$tool" halt "$pid" || true
  [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
say() { printf '   %s\n' "$*"; }
die() {
  printf 'FAILED: %s\n' "$*" >&2
  [ -z "$pid" ] || bash "$tool" exec "$pid" journalctl -u pdvagent --no-pager -n 40 >&2 || true
  exit 1
}
inside() { bash "$tool" exec "$pid" "$@"; }
ms() { date +%s%3N; }
# until SECONDS COMMAND ... waits for a command to succeed
until_ok() {
  local end=$(($(ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(ms)" -lt "$end" ] || return 1
    sleep 0.05
  done
}

CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$work/pdvagent" ./cmd/pdvagent
size=$(stat -c %s "$work/pdvagent")
say "binary: $((size >> 20)) MiB"
[ "$size" -le $((25 << 20)) ] || die "the binary has $size bytes, promised are 25 MiB"

exposure=$(systemd-analyze security --offline=true installer/linux/pdvagent.service 2>/dev/null | grep -oE 'level for pdvagent.service: [0-9.]+' | grep -oE '[0-9.]+$')
say "exposure: $exposure"
awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 2.0) }' || die "exposure $exposure, promised is 2.0 at most"

bash "$tool" make "$root"
rm -rf "$root/var/lib/pdvagent" "$root/etc/pdvagent" "$root"/etc/systemd/system/pdvagent.service.d
install -m 755 "$work/pdvagent" "$root/usr/bin/pdvagent"
install -m 644 installer/linux/pdvagent.service "$root/lib/systemd/system/pdvagent.service"
chroot "$root" id pdvagent >/dev/null 2>&1 || chroot "$root" useradd --system --home-dir /var/lib/pdvagent --shell /usr/sbin/nologin pdvagent
install -d -m 750 "$root/etc/pdvagent"
"$work/pdvagent" config init --config "$root/etc/pdvagent/config.yaml" --shop 001 --till 012 --token segredo --listen "$local" \
  --base-url "http://$cloud/mercafacil/" --data-dir /var/lib/pdvagent >/dev/null
sed -i 's/start_jitter: 60s/start_jitter: 0s/; s/retry_max: 30m/retry_max: 1s/; s/retry_min: 5s/retry_min: 200ms/' "$root/etc/pdvagent/config.yaml"
chroot "$root" chown -R root:pdvagent /etc/pdvagent
chmod 640 "$root/etc/pdvagent/config.yaml"
token=$(grep -oP "scope: till, token: '\K[^']+" "$root/etc/pdvagent/config.yaml")
"$work/pdvagent" sandbox --listen "$cloud" --token segredo >"$work/sandbox.log" 2>&1 &
sandbox=$!

health() { curl -sf --max-time 2 "http://$local/health"; }
cancel() { # a sale's smallest sister: on disk when it answers 202
  curl -s --max-time 20 -o /dev/null -w '%{http_code}' -X POST "http://$local/v2/transaction/cancel" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' -d "{\"transaction_id\":\"$1\"}" "${@:2}"
}
main_pid() { inside systemctl show -p MainPID --value pdvagent; }
arrived() { curl -s "http://$cloud/control/mercafacil/received" | grep -c "\"$1\"" || true; }

pid=$(bash "$tool" boot "$root")
inside systemctl daemon-reload
begin=$(ms)
inside systemctl enable --now pdvagent >/dev/null 2>&1 || die "it does not start"
health >/dev/null || die "systemd says that it is ready and it does not answer"
say "start, until ready and answering: $(($(ms) - begin)) ms"

[ "$(cancel T-1)" = 202 ] || die "a sale is not taken"
for secret in /etc/pdvagent/config.yaml /var/lib/pdvagent/pdvagent.db /var/lib/pdvagent/keys.json /var/lib/pdvagent/log/pdvagent.log; do
  inside test -e "$secret" || die "$secret is not there"
  if inside runuser -u nobody -- cat "$secret" >/dev/null 2>&1; then die "another user reads $secret"; fi
done
say "another user reads neither configuration nor store, keys, log"

killed=$(main_pid)
inside kill -KILL "$killed"
begin=$(ms)
until_ok 10 health || die "after SIGKILL it does not come back"
took=$(($(ms) - begin))
say "SIGKILL to serving again: $took ms"
[ "$took" -le 3000 ] || die "$took ms, promised are 3,000"
[ "$(main_pid)" != "$killed" ] || die "it is the same process"

install -d "$root/etc/systemd/system/pdvagent.service.d"
printf '[Service]\nWatchdogSec=3\n' >"$root/etc/systemd/system/pdvagent.service.d/quick.conf"
inside systemctl daemon-reload
inside systemctl restart pdvagent
sleep 4
hung=$(main_pid)
health >/dev/null || die "the watchdog bites an agent that is well"
inside kill -STOP "$hung"
begin=$(ms)
until_ok 15 health || die "the watchdog does not see that it hangs"
say "a hang (SIGSTOP, WatchdogSec=3) to serving again: $(($(ms) - begin)) ms"

kill "$sandbox"
wait "$sandbox" 2>/dev/null || true
(cancel T-2 -H 'Prefer: wait=30' >"$work/waiting") &
waiting=$!
until_ok 5 test "$(curl -s "http://$local/v1/sales/T-2" -H "Authorization: Bearer $token" -o /dev/null -w '%{http_code}')" = 200 || true
sleep 0.5
begin=$(ms)
inside systemctl stop pdvagent
took=$(($(ms) - begin))
wait "$waiting"
[ "$(cat "$work/waiting")" = 202 ] || die "the till that waited got $(cat "$work/waiting")"
say "stop, with a till that waits: $took ms; it got its 202"
[ "$took" -le 15000 ] || die "$took ms, promised are 15,000"
inside systemctl start pdvagent
[ "$(cancel T-3)" = 202 ] || die "a sale is not taken without the cloud"

bash "$tool" halt "$pid"
sleep 1
pid=$(bash "$tool" boot "$root")
until_ok 20 health || die "it does not come up with the machine"
say "after a power cut and boot it answers"
"$work/pdvagent" sandbox --listen "$cloud" --token segredo >"$work/sandbox.log" 2>&1 &
sandbox=$!
until_ok 20 curl -sf "http://$cloud/control/mercafacil/received"
for id in T-2 T-3; do
  for _ in $(seq 100); do
    [ "$(arrived "$id")" -lt 1 ] || break
    sleep 0.2
  done
  [ "$(arrived "$id")" -eq 1 ] || die "$id arrived $(arrived "$id") times"
done
say "what was queued before the power cut arrived, once each"
inside systemctl is-active pdvagent >/dev/null || die "it is not active"
echo "all as promised"
