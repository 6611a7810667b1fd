#!/usr/bin/env bash
# Tries the Windows installers and the service under wine: a Windows too old, silent installation from a file of answers,
# the service's verbs, sales, a stop with a till that waits, an upgrade during an outage with 1,000 pending, one that does
# not start, a taken port, removal, purge; the same with the .msi; signatures. Prints what it measures; ends non-zero when
# anything is not as promised. Not to be had in wine 8, and so unit-tested in agent/ops/service: recovery, delayed start,
# preshutdown. With "all" the 386 setup program is built, too, and not run.
set -euo pipefail
cd "$(dirname "$0")/../.."
cloud=127.0.0.1:18791 local=127.0.0.1:18781
work=$(mktemp -d)
sandbox="" busy="" server=""
# shellcheck source=installer/test/common.sh
. installer/test/common.sh
export WINEPREFIX="$work/prefix" WINEDEBUG=-all
unset DISPLAY || true
wine=/usr/lib/wine/wine64
c="$WINEPREFIX/drive_c"
installed="$c/Program Files/pdvagent" data="$c/ProgramData/pdvagent"
menu="$c/ProgramData/Microsoft/Windows/Start Menu/Programs/Console do pdvagent.lnk"
# Windows gives an .msi of ALLUSERS=1 the menu of all users; wine 8 gives it the user's.
msi_menu="$c/users/root/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Console do pdvagent.lnk"
cleanup() {
  for process in $sandbox $busy; do kill "$process" 2>/dev/null || true; done
  [ -z "$server" ] || "$server" -k >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
die() {
  printf 'FAILED: %s\n' "$*" >&2
  tail -n 30 "$data/instalacao.log" "$data/data/log/pdvagent.log" >&2 2>/dev/null || true
  refused >&2 || true
  exit 1
}
refused() { iconv -f utf-16 "$c/users/root/Temp/pdvagent-setup.log" 2>/dev/null; }
win() { timeout 150 "$wine" "$@" 2>&1; }
pdvagent() { win 'C:\Program Files\pdvagent\pdvagent.exe' "$@"; }
pending() { pdvagent status --json | tr -d '\r' | first_pending; }
silent() { # silent SETUP OPTIONS ... runs it and gives its exit code
  local code=0
  rm -f "$c/users/root/Temp/pdvagent-setup.log"
  win "$@" >"$work/setup.log" || code=$?
  echo "$code"
}

bash .ci/packages.sh wine64 wine nsis wixl msitools osslsigncode openssl curl

mod=$(bash .ci/winemod.sh "$work/mod")
go build -o "$work/release" ./installer/release
go build -o "$work/pdvagent" ./cmd/pdvagent
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=pdvagent -addext extendedKeyUsage=codeSigning -days 30 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
openssl pkcs12 -export -inkey "$work/key.pem" -in "$work/cert.pem" -passout pass:segredo -out "$work/cert.p12"
release() { # release VERSION PART GOFLAGS
  PDVAGENT_SIGN_PASSWORD=segredo GOFLAGS="-modfile=$mod $3" "$work/release" --version "$1" --only "$2" --out "$work/dist" --sign "$work/cert.p12" >/dev/null
}
parts=windows/amd64
[ "${1:-}" != all ] || parts=windows
begin=$(ms)
release 1.0.0 "$parts" ""
say "programs, setup programs and .msi of $parts, signed: $(($(ms) - begin)) ms"
for file in "$work"/dist/*.exe "$work"/dist/*.msi; do
  osslsigncode verify -CAfile "$work/cert.pem" -in "$file" >"$work/verify.log" 2>&1 || { cat "$work/verify.log"; die "the signature of $file"; }
done
size=$(stat -c %s "$work/dist/pdvagent_1.0.0_windows_amd64.exe")
say "binary: $((size >> 20)) MiB, setup program: $(($(stat -c %s "$work/dist/pdvagent_1.0.0_windows_amd64_setup.exe") >> 20)) MiB"
[ "$size" -le $((28 << 20)) ] || die "the binary has $size bytes, promised are 28 MiB"
release 1.1.0 windows/amd64 ""
cat >"$work/main.go" <<'EOF'
package main

import (
	"os"

	"pdvagent/cmd/internal/cli"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		os.Exit(1)
	}
	os.Exit(cli.Execute(os.Args[1:]))
}
EOF
printf '{"Replace":{"%s":"%s"}}' "$PWD/cmd/pdvagent/main.go" "$work/main.go" >"$work/overlay.json"
release 1.2.0 windows/amd64/setup "-overlay=$work/overlay.json"
setup() { echo "$work/dist/pdvagent_$1_windows_amd64_setup.exe"; }

"$wine" wineboot -i >/dev/null 2>&1
server=$(command -v wineserver || echo /usr/lib/wine/wineserver64)
"$server" -w
"$server" -p
go run .ci/prngdll.go "$c/windows/system32/bcryptprimitives.dll"
sandbox "$work/pdvagent" "$cloud"

"$wine" winecfg -v win7
[ "$(silent "$(setup 1.0.0)" /S /SHOP=001 /TILL=1 /TOKEN=segredo)" != 0 ] || die "an old Windows is served"
answers 'precisa do Windows 10' refused || die "an old Windows is not told why"
cp "$work/dist/pdvagent_1.0.0_windows_amd64.msi" "$c/old.msi"
[ "$(silent msiexec /i 'C:\old.msi' /qn TOKEN=segredo SHOP=001 TILL=1)" != 0 ] || die "an old Windows takes the .msi"
[ ! -e "$installed/pdvagent.exe" ] || die "an old Windows has the program"
say "Windows 7: refused, with a sentence"
"$wine" winecfg -v win10

[ "$(silent "$(setup 1.0.0)" /S /SHOP=001)" != 0 ] || die "an installation without answers succeeds"
answers 'informe --till, --token' refused || die "nobody is told which answers are missing: $(refused)"
[ ! -e "$installed" ] && [ ! -e "$data" ] || die "an installation without answers leaves something"

mkdir "$work/usb"
cp "$(setup 1.0.0)" "$work/usb/setup.exe"
cat >"$work/usb/pdvagent-install.json" <<EOF
{"shop": "001", "primary": true, "token": "segredo", "listen": "$local", "base_url": "http://$cloud/mercafacil/"}
EOF
"$work/pdvagent" sandbox --listen "$local" >/dev/null 2>&1 &
busy=$!
until_ok 10 curl -s "http://$local/control/mercafacil/received" || die "the port cannot be taken"
[ "$(silent "$work/usb/setup.exe" /S /TILL=012)" != 0 ] || die "an installation on a taken port succeeds"
answers "Porta local: $local" refused || die "nobody is told that the port is taken: $(refused)"
[ ! -e "$installed/pdvagent.exe" ] || die "an installation that failed leaves its program"
[ -e "$data/config.yaml" ] || die "an installation that failed takes the configuration along"
pdvagent=$(win "$work/dist/pdvagent_1.0.0_windows_amd64.exe" service status || true)
grep -q 'não instalado' <<<"$pdvagent" || die "an installation that failed leaves its service: $pdvagent"
kill "$busy"
wait "$busy" 2>/dev/null || true
busy=""
rm -rf "$data"
say "a taken port: refused with the reason, nothing is left but the configuration"

begin=$(ms)
[ "$(silent "$work/usb/setup.exe" /S /TILL=012)" = 0 ] || die "it does not install: $(refused)"
answers '"1.0.0"' health || die "installed, and it does not answer"
took=$(($(ms) - begin))
[ -e "$menu" ] || die "the console is not in the Start menu"
[ -e "$installed/docs/fidelidade.md" ] && [ -e "$installed/docs/exemplos/README.md" ] || die "it brings no guides: $(find "$installed")"
promise "silent installation to the first successful call" "$took" 5000
token=$(grep -oP "scope: till, token: '\K[^']+" "$data/config.yaml")
grep -q "till: '012'" "$data/config.yaml" || die "the option's answer is not in the configuration"
pdvagent config set sender.start_jitter 0s sender.retry_min 200ms sender.retry_max 1s sender.per_second 1000 >/dev/null || die "config set"
pdvagent service restart >/dev/null || die "service restart"
[ "$(cancel W-1)" = 202 ] || die "a sale is not taken"
until_ok 20 has_arrived W-1 || die "a sale does not arrive"

pdvagent config set --seal mercafacil.token segredo >"$work/seal.log" || die "config set --seal: $(cat "$work/seal.log")"
grep -q 'dpapi:' "$data/config.yaml" && ! grep -q "segredo" "$data/config.yaml" || die "the token is not sealed"
pdvagent service restart >/dev/null || die "it does not start with a sealed token"
[ "$(cancel W-0)" = 202 ] || die "a sale is not taken"
until_ok 20 has_arrived W-0 || die "with a sealed token nothing arrives"
say "the cloud's token sealed by DPAPI"

for verb in install install ensure start start stop stop start restart; do
  pdvagent service "$verb" >"$work/verb.log" || die "service $verb: $(cat "$work/verb.log")"
done
answers 'NT SERVICE.pdvagent' pdvagent service status || die "it does not run as its own account"
win sc config pdvagent start= demand >/dev/null || win reg add 'HKLM\System\CurrentControlSet\Services\pdvagent' /v Start /t REG_DWORD /d 3 /f >/dev/null
pdvagent service stop >/dev/null
(cancel W-2 >/dev/null) || true
pdvagent service start >/dev/null || die "it does not start again"
say "every verb twice is no error"

outage
(cancel W-3 -H 'Prefer: wait=30' >"$work/waiting") &
waiting=$!
until_ok 20 curl -sf --max-time 2 "http://$local/v1/sales/W-3" -H "Authorization: Bearer $token" || die "the till's cancellation is not taken"
begin=$(ms)
pdvagent service stop >/dev/null || die "it does not stop"
took=$(($(ms) - begin))
wait "$waiting"
[ "$(cat "$work/waiting")" = 202 ] || die "the till that waited got $(cat "$work/waiting")"
promise "stop, with a till that waits; it got its 202" "$took" 15000
pdvagent service start >/dev/null

thousand U
[ "$(pending)" -eq 1001 ] || die "$(pending) are pending instead of 1,001"
pdvagent config set log.level debug >/dev/null
begin=$(ms)
[ "$(silent "$(setup 1.1.0)" /S)" = 0 ] || die "it does not upgrade: $(refused)"
answers '"1.1.0"' health || die "after the upgrade it is not the new version"
say "upgrade during an outage, with 1,001 pending: $(($(ms) - begin)) ms"
[ "$(pending)" -eq 1001 ] || die "after the upgrade $(pending) are pending"
grep -q 'level: debug' "$data/config.yaml" || die "the upgrade changed the configuration"
[ ! -e "$data/data-previous" ] || die "the copy of before stays though all is well"
[ "$(silent "$(setup 1.1.0)" /S)" = 0 ] || die "the same version again, a repair: $(refused)"
[ "$(pending)" -eq 1001 ] || die "after a repair $(pending) are pending"

begin=$(ms)
[ "$(silent "$(setup 1.2.0)" /S)" != 0 ] || die "a version that does not start counts as installed"
answers 'a versão anterior voltou' refused || die "nobody is told that the version of before is back: $(refused)"
answers '"1.1.0"' health || die "after a broken upgrade the version of before does not answer"
took=$(($(ms) - begin))
promise "an upgrade that does not start, until the version of before answers" "$took" 120000
[ "$(pending)" -eq 1001 ] || die "after going back $(pending) are pending"

unlisted() { ! win reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\pdvagent'; }
uninstall() { # the uninstaller runs on as a copy of itself; the list of programs is the last that it changes
  win "$installed/desinstalar.exe" /S "$@" >/dev/null || true
  until_ok 30 test ! -e "$installed" || die "uninstalled, and there is: $(find "$installed")"
  until_ok 30 unlisted || die "it stays in the list of programs"
  [ ! -e "$menu" ] || die "uninstalled, and the console is in the Start menu"
}
uninstall
grep -q '1001 registro(s) por enviar' "$data/instalacao.log" || die "nobody is told of what is pending"
[ -e "$data/data/pdvagent.db" ] && [ -e "$data/config.yaml" ] || die "removal took the data along"
health >/dev/null 2>&1 && die "removed, and it answers"
sandbox "$work/pdvagent" "$cloud"
[ "$(silent "$(setup 1.1.0)" /S)" = 0 ] || die "it cannot be installed again: $(refused)"
until_ok 60 drained || die "$(pending) are still pending"
[ "$(distinct U)" -eq 1000 ] || die "$(distinct U) of 1,000 arrived"
say "removed with a warning, installed again: all 1,000 arrived"
uninstall /PURGE
[ ! -e "$data" ] || die "a purge leaves: $(find "$data")"
say "a purge leaves nothing"

for version in 1.0.0 1.1.0; do cp "$work/dist/pdvagent_${version}_windows_amd64.msi" "$c/$version.msi"; done
begin=$(ms)
[ "$(silent msiexec /i 'C:\1.0.0.msi' /qn SHOP=001 TILL=3 TOKEN=segredo LISTEN="$local" BASEURL="http://$cloud/mercafacil/")" = 0 ] || die "the .msi does not install"
answers '"1.0.0"' health || die "the .msi is installed, and nothing answers"
[ -e "$msi_menu" ] || die "the .msi does not put the console into the Start menu"
took=$(($(ms) - begin))
promise ".msi, silent, to the first successful call" "$took" 5000
token=$(grep -oP "scope: till, token: '\K[^']+" "$data/config.yaml")
outage
thousand V
[ "$(silent msiexec /i 'C:\1.1.0.msi' /qn)" = 0 ] || die "the .msi does not upgrade"
answers '"1.1.0"' health || die "after the .msi's upgrade it is not the new version"
[ "$(pending)" -eq 1000 ] || die "after the .msi's upgrade $(pending) are pending"
# what /fa does; wine's msiexec does not know it by a file's name
[ "$(silent msiexec /i 'C:\1.1.0.msi' REINSTALL=ALL REINSTALLMODE=amus /qn)" = 0 ] || die "the .msi does not repair"
answers '"1.1.0"' health || die "after the .msi's repair nothing answers"
[ "$(pending)" -eq 1000 ] || die "after the .msi's repair $(pending) are pending"
[ "$(silent msiexec /x 'C:\1.1.0.msi' /qn)" = 0 ] || die "the .msi cannot be removed"
[ ! -e "$installed/pdvagent.exe" ] || die "the .msi leaves its program"
[ ! -e "$msi_menu" ] || die "the .msi leaves the console in the Start menu"
grep -q '1000 registro(s) por enviar' "$data/instalacao.log" || die "the .msi tells nobody of what is pending"
[ "$(silent msiexec /i 'C:\1.1.0.msi' /qn)" = 0 ] || die "the .msi cannot be installed again"
[ "$(silent msiexec /x 'C:\1.1.0.msi' /qn PURGE=1)" = 0 ] || die "the .msi cannot be purged"
[ ! -e "$data" ] || die "the .msi's purge leaves: $(find "$data")"
[ -z "$(find "$installed" -type f 2>/dev/null)" ] || die "the .msi leaves: $(find "$installed")"
say ".msi: upgrade with 1,000 pending, repair, removal with a warning, purge"
echo "all as promised"
