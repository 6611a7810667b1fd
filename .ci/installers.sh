#!/usr/bin/env bash
# What runs under systemd and under wine, one after the other: beside each other they make each other slow.
set -euo pipefail
cd "$(dirname "$0")/.."
bash installer/test/systemd.sh
bash .ci/wine.sh
bash installer/test/windows.sh
