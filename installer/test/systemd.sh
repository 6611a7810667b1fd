#!/usr/bin/env bash
# Tries the Debian package and its unit under a booted systemd: silent install, rights, a SIGKILL, a hang, a stop with a
# request at hand, a power cut and reboot, an upgrade with a queue and a drop-in, an upgrade that does not start, removal,
# purge, with sales all the while; and looks into the RPM. Prints what it measures; ends non-zero when anything is not as
# promised. Wants root.
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
# shellcheck source=installer/test/common.sh
. installer/test/common.sh
die() {
  printf 'FAILED: %s\n' "$*" >&2
  [ -z "$pid" ] || bash "$tool" exec "$pid" journalctl -u pdvagent --no-pager -n 40 >&2 || true
  exit 1
}
inside() { bash "$tool" exec "$pid" "$@"; }
bash .ci/packages.sh systemd debootstrap rpm curl
go run ./installer/release --version 1.0.0 --only linux/amd64 --out "$work/release" >/dev/null
(cd "$work/release" && sha256sum --quiet -c SHA256SUMS) || die "the checksums are wrong"
pdvagent="$work/release/pdvagent_1.0.0_linux_amd64"
size=$(stat -c %s "$pdvagent")
say "binary: $((size >> 20)) MiB"
[ "$size" -le $((28 << 20)) ] || die "the binary has $size bytes, promised are 28 MiB"

exposure=$(systemd-analyze security --offline=true installer/linux/pdvagent.service 2>/dev/null | grep -oE 'level for pdvagent.service: [0-9.]+' | grep -oE '[0-9.]+$')
say "exposure: $exposure"
awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 2.0) }' || die "exposure $exposure, promised is 2.0 at most"

bash "$tool" make "$root"
chroot "$root" dpkg --purge pdvagent >/dev/null 2>&1 || true
rm -rf "$root"/var/lib/pdvagent* "$root/etc/pdvagent" "$root"/etc/systemd/system/pdvagent.service.d "$root/usr/bin/pdvagent" \
  "$root/lib/systemd/system/pdvagent.service" "$root/etc/systemd/system/multi-user.target.wants/pdvagent.service"
install -d "$root/etc/pdvagent"
cat >"$root/etc/pdvagent/pdvagent-install.json" <<EOF
{"shop": "001", "till": "012", "token": "segredo", "listen": "$local", "base_url": "http://$cloud/mercafacil/"}
EOF
# package VERSION PROGRAM makes the package of another version out of the first
package() {
  rm -rf "$work/pkg"
  dpkg-deb -R "$work/release/pdvagent_1.0.0_amd64.deb" "$work/pkg"
  sed -i "s/^Version: .*/Version: $1/" "$work/pkg/DEBIAN/control"
  install -m 755 "$2" "$work/pkg/usr/bin/pdvagent"
  dpkg-deb -b "$work/pkg" "$root/srv/pdvagent_$1.deb" >/dev/null
}
cp "$work/release/pdvagent_1.0.0_amd64.deb" "$root/srv/pdvagent_1.0.0.deb"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w -X pdvagent/cmd/internal/app.Version=1.1.0' -o "$work/next" ./cmd/pdvagent
package 1.1.0 "$work/next"
printf '#!/bin/sh\nexit 1\n' >"$work/broken"
package 1.2.0 "$work/broken"
sandbox "$pdvagent" "$cloud"

main_pid() { inside systemctl show -p MainPID --value pdvagent; }
# replaced PID succeeds when another process serves: one that the watchdog ends is continued first, and may answer once more
# before it dies.
replaced() {
  local now
  now=$(main_pid) && [ "$now" != 0 ] && [ "$now" != "$1" ]
}
pending() { inside pdvagent status --json | first_pending; }

pid=$(bash "$tool" boot "$root")
begin=$(ms)
inside dpkg -i /srv/pdvagent_1.0.0.deb >"$work/install.log" 2>&1 || { cat "$work/install.log"; die "it does not install"; }
answers '"1.0.0"' health || die "installed, and it does not answer"
took=$(($(ms) - begin))
promise "silent install to the first successful call" "$took" 5000
token=$(grep -oP "scope: till, token: '\K[^']+" "$root/etc/pdvagent/config.yaml")
[ "$(stat -c '%a %U' "$root/etc/pdvagent/config.yaml")" = "640 root" ] || die "config.yaml has the rights $(stat -c '%a %U' "$root/etc/pdvagent/config.yaml")"
for setting in "sender.start_jitter 0s" "sender.retry_min 200ms" "sender.retry_max 1s" "sender.per_second 1000"; do
  # shellcheck disable=SC2086 # a field and its value
  inside pdvagent config set $setting >/dev/null || die "config set $setting"
done
[ "$(stat -c '%a' "$root/etc/pdvagent/config.yaml")" = "640" ] || die "a change takes the service's right to read its file"
inside systemctl restart pdvagent

[ "$(cancel T-1)" = 202 ] || die "a sale is not taken"
for secret in /etc/pdvagent/config.yaml /var/lib/pdvagent/pdvagent.db /var/lib/pdvagent/keys.json /var/lib/pdvagent/log/pdvagent.log; do
  inside test -e "$secret" || die "$secret is not there"
  if inside runuser -u nobody -- cat "$secret" >/dev/null 2>&1; then die "another user reads $secret"; fi
done
say "another user reads neither configuration nor store, keys, log"

admin=$(grep -oP "scope: admin, token: '\K[^']+" "$root/etc/pdvagent/config.yaml")
changed=$(curl -s -X PUT "http://$local/v1/config" -H "Authorization: Bearer $admin" -H 'Content-Type: application/json' -d '{"log":{"level":"debug"}}' -o "$work/changed" -w '%{http_code}')
{ [ "$changed" = 409 ] && grep -q 'sudo pdvagent config set' "$work/changed"; } || die "the service may not write its file, and PUT /v1/config says $changed: $(cat "$work/changed")"
say "a configuration that the service may not write: 409, with the administrator's command"

killed=$(main_pid)
inside kill -KILL "$killed"
begin=$(ms)
until_ok 10 replaced "$killed" || die "after SIGKILL no process is started"
until_ok 10 health || die "after SIGKILL it does not come back"
took=$(($(ms) - begin))
promise "SIGKILL to serving again" "$took" 3000

install -d "$root/etc/systemd/system/pdvagent.service.d"
printf '[Service]\nWatchdogSec=5\n' >"$root/etc/systemd/system/pdvagent.service.d/quick.conf"
inside systemctl daemon-reload
inside systemctl restart pdvagent
sleep 6
until_ok 10 health || die "the watchdog bites an agent that is well"
hung=$(main_pid)
inside kill -STOP "$hung"
begin=$(ms)
until_ok 30 replaced "$hung" || die "the watchdog does not see that it hangs"
until_ok 10 health || die "after a hang it does not come back"
say "a hang (SIGSTOP, WatchdogSec=5) to serving again: $(($(ms) - begin)) ms"
printf '[Service]\nWatchdogSec=90\n' >"$root/etc/systemd/system/pdvagent.service.d/quick.conf" # a busy disk is no hang
inside systemctl daemon-reload
inside systemctl restart pdvagent

outage
(cancel T-2 -H 'Prefer: wait=30' >"$work/waiting") &
waiting=$!
until_ok 10 curl -sf --max-time 2 "http://$local/v1/sales/T-2" -H "Authorization: Bearer $token" || die "the till's cancellation is not taken"
sleep 0.5 # it waits for the cloud now
begin=$(ms)
inside systemctl stop pdvagent
took=$(($(ms) - begin))
wait "$waiting"
[ "$(cat "$work/waiting")" = 202 ] || die "the till that waited got $(cat "$work/waiting")"
promise "stop, with a till that waits; it got its 202" "$took" 15000
inside systemctl start pdvagent
[ "$(cancel T-3)" = 202 ] || die "a sale is not taken without the cloud"

bash "$tool" halt "$pid"
sleep 1
pid=$(bash "$tool" boot "$root")
until_ok 20 health || die "it does not come up with the machine"
say "after a power cut and boot it answers"
sandbox "$pdvagent" "$cloud"
for id in T-2 T-3; do
  until_ok 20 has_arrived "$id" || die "$id does not arrive"
  [ "$(arrived "$id")" -eq 1 ] || die "$id arrived $(arrived "$id") times"
done
say "what was queued before the power cut arrived, once each"
until_ok 10 inside systemctl is-active pdvagent || die "it is not active" # it answers a moment before systemd has heard that it is ready

outage
thousand U
[ "$(pending)" -eq 1000 ] || die "$(pending) are pending instead of 1,000"
inside pdvagent config set log.level debug >/dev/null
begin=$(ms)
inside dpkg -i /srv/pdvagent_1.1.0.deb >"$work/upgrade.log" 2>&1 || { cat "$work/upgrade.log"; die "it does not upgrade"; }
answers '"1.1.0"' health || die "after the upgrade it is not the new version"
say "upgrade with 1,000 pending: $(($(ms) - begin)) ms"
[ "$(pending)" -eq 1000 ] || die "after the upgrade $(pending) are pending"
grep -q 'level: debug' "$root/etc/pdvagent/config.yaml" || die "the upgrade changed the configuration"
[ -e "$root/etc/systemd/system/pdvagent.service.d/quick.conf" ] || die "the upgrade took the drop-in"
answers '=1min 30s' inside systemctl show -p WatchdogUSec pdvagent || die "the drop-in does not hold any more"
[ ! -e "$root/var/lib/pdvagent-previous" ] || die "the copy of before stays though all is well"

begin=$(ms)
if inside dpkg -i /srv/pdvagent_1.2.0.deb >"$work/broken.log" 2>&1; then die "a version that does not start counts as installed"; fi
grep -q 'a anterior volta' "$work/broken.log" || { cat "$work/broken.log"; die "it does not say that it goes back"; }
answers '"1.1.0"' health || die "after a broken upgrade the version of before does not answer"
took=$(($(ms) - begin))
promise "an upgrade that does not start, until the version of before answers" "$took" 120000
[ "$(pending)" -eq 1000 ] || die "after going back $(pending) are pending"
inside dpkg -i /srv/pdvagent_1.1.0.deb >/dev/null 2>&1 || die "the package of before cannot be put in order again"

inside dpkg -r pdvagent >"$work/remove.log" 2>&1 || { cat "$work/remove.log"; die "it cannot be removed"; }
grep -q 'há 1000 registro(s) por enviar' "$work/remove.log" || { cat "$work/remove.log"; die "nobody is told of what is pending"; }
[ -e "$root/var/lib/pdvagent/pdvagent.db" ] && [ -e "$root/etc/pdvagent/config.yaml" ] || die "removal took the data along"
health >/dev/null 2>&1 && die "removed, and it answers"
sandbox "$pdvagent" "$cloud"
inside dpkg -i /srv/pdvagent_1.1.0.deb >/dev/null 2>&1 || die "it cannot be installed again"
until_ok 60 drained || die "$(pending) are still pending"
[ "$(distinct U)" -eq 1000 ] || die "not every one of the 1,000 arrived"
say "removed with a warning, installed again: all 1,000 arrived"
for verb in install ensure stop stop start start restart; do
  inside pdvagent service "$verb" >"$work/verb.log" 2>&1 || die "service $verb: $(cat "$work/verb.log")"
done
inside systemctl disable --now pdvagent >/dev/null 2>&1
inside pdvagent service ensure >"$work/verb.log" 2>&1 || die "service ensure: $(cat "$work/verb.log")"
[ "$(inside systemctl is-enabled pdvagent)" = disabled ] || die "service ensure undoes what an administrator did"
health >/dev/null 2>&1 && die "service ensure starts what an administrator has switched off"
inside systemctl enable pdvagent >/dev/null 2>&1
inside sh -c 'cp -p /etc/pdvagent/config.yaml /root/good.yaml && echo "shopp: 1" >>/etc/pdvagent/config.yaml'
if inside pdvagent service start >"$work/verb.log" 2>&1; then die "it starts with a wrong configuration"; fi
grep -q 'shopp' "$work/verb.log" || die "a start that fails does not say why: $(cat "$work/verb.log")"
inside sh -c 'cat /root/good.yaml >/etc/pdvagent/config.yaml'
inside systemctl reset-failed pdvagent
inside pdvagent service start >/dev/null || die "it does not start again"
until_ok 10 answers 'situação: em execução' inside pdvagent service status || die "service status does not say that it runs"
if inside pdvagent service uninstall >"$work/verb.log" 2>&1; then die "the package's service was removed"; fi
grep -q 'apt remove' "$work/verb.log" || die "nobody is told how a package is removed: $(cat "$work/verb.log")"
if inside runuser -u nobody -- pdvagent service stop >"$work/verb.log" 2>&1; then die "anybody may stop the service"; fi
grep -q 'sudo' "$work/verb.log" || die "nobody is told that it takes an administrator: $(cat "$work/verb.log")"
inside pdvagent doctor >"$work/doctor.log" 2>&1 || true
grep -qE '^ok +Serviço do sistema' "$work/doctor.log" || { cat "$work/doctor.log"; die "the doctor does not see the service"; }
say "every verb twice is no error; the package's own service stays the package's"
inside dpkg --purge pdvagent >/dev/null 2>&1 || die "it cannot be purged"
for path in /var/lib/pdvagent /etc/pdvagent /usr/bin/pdvagent /lib/systemd/system/pdvagent.service; do
  [ ! -e "$root$path" ] || die "a purge leaves $path"
done
say "a purge leaves nothing"

# without a package: the program alone, in a folder of its own
install -d "$root/opt/pdvagent"
install -m 755 "$pdvagent" "$root/opt/pdvagent/pdvagent"
inside /opt/pdvagent/pdvagent config init --config /opt/pdvagent/config.yaml --shop 1 --till 2 --token segredo --listen "$local" \
  --base-url "http://$cloud/mercafacil/" --data-dir /opt/pdvagent/dados >/dev/null || die "config init"
for verb in ensure ensure restart; do
  inside /opt/pdvagent/pdvagent service "$verb" --config /opt/pdvagent/config.yaml >"$work/verb.log" 2>&1 || die "service $verb: $(cat "$work/verb.log")"
done
health >/dev/null || die "without a package it does not answer"
[ "$(inside systemctl show -p User --value pdvagent)" = pdvagent ] || die "without a package it runs as somebody else"
for verb in uninstall uninstall; do
  inside /opt/pdvagent/pdvagent service "$verb" --config /opt/pdvagent/config.yaml >"$work/verb.log" 2>&1 || die "service $verb: $(cat "$work/verb.log")"
done
health >/dev/null 2>&1 && die "uninstalled, and it answers"
rm -rf "$root/opt/pdvagent"
inside userdel pdvagent >/dev/null 2>&1 || true
say "without a package: installed, repaired, removed by the program itself"

listed=$(rpm -qp --list --scripts "$work"/release/*.rpm 2>/dev/null)
for want in /usr/bin/pdvagent /usr/share/applications/pdvagent-console.desktop /lib/systemd/system/pdvagent.service 'systemctl daemon-reload' 'a anterior volta' 'registro(s) por enviar'; do
  grep -qF "$want" <<<"$listed" || die "the RPM does not have $want"
done
say "the RPM has the program, the unit and the scripts"
echo "all as promised"
