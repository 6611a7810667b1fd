#!/usr/bin/env bash
# Installs the named Debian packages that this machine lacks: bash .ci/packages.sh PACKAGE...
# No package starts a service. Callers beside each other wait for each other; the list of packages is fetched once.
set -euo pipefail
missing=()
for package in "$@"; do
  [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" = "install ok installed" ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
echo "installing: ${missing[*]}"
exec 9>/var/lock/pdvagent-ci-packages
flock 9
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
kept="$(cd "$(dirname "$0")" && pwd)/cache/debs" # packages that were fetched once
mkdir -p "$kept/partial"
install_them() {
  apt-get install -y -qq --no-install-recommends -o Dir::Cache::Archives="$kept" -o APT::Keep-Downloaded-Packages=true \
    -o APT::Sandbox::User=root "${missing[@]}" >/dev/null
}
install_them 2>/dev/null || { apt-get update -qq && install_them; }
