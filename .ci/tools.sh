#!/usr/bin/env bash
# Installs, from Debian's packages, and one of npm, all that tests and scripts need beyond Go: a browser, languages that tills are written in,
# Prometheus's own checker, strace for faults of the disk, database servers, wine, what builds and signs the installers, and
# what makes the tree that systemd is booted in. Each script also installs what it needs when it is run alone.
set -euo pipefail
cd "$(dirname "$0")/.."
bash .ci/packages.sh chromium fp-compiler fp-units-fcl mono-mcs libmono-system-net-http4.0-cil mono-runtime php-cli strace \
  default-jdk-headless nodejs python3 jq curl prometheus postgresql mariadb-server firebird3.0-server firebird3.0-utils wine64 wine \
  nsis wixl msitools osslsigncode openssl rpm debootstrap systemd
[ -e .ci/cache/axe/node_modules/axe-core/axe.min.js ] || npm install --silent --no-save --prefix .ci/cache/axe axe-core@4.14.1
