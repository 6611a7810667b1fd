#!/usr/bin/env bash
# Installs, from Debian's packages, what tests need beyond Go and this machine lacks: a browser, the languages of
# docs/exemplos, Prometheus's own checker, strace for faults of the disk.
set -euo pipefail
declare -A package=(
  [chromium]=chromium [fpc]="fp-compiler fp-units-fcl" [mcs]="mono-mcs libmono-system-net-http4.0-cil" [mono]=mono-runtime [php]=php-cli
  [strace]=strace [java]=default-jdk-headless [javac]=default-jdk-headless [python3]=python3 [jq]=jq [curl]=curl [promtool]=prometheus
)
missing=()
for tool in "${!package[@]}"; do
  command -v "$tool" >/dev/null || read -ra missing <<<"${missing[*]:-} ${package[$tool]}"
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "nothing to install"
  exit 0
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
