#!/bin/sh
# Before the program goes: it stops in order, and says when sales are still to be sent. deb calls it with "remove" or
# "upgrade", rpm with 0 (removal) or 1 (upgrade).
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -e /etc/pdvagent/config.yaml ]; then
  pending=$(pdvagent status --json --config /etc/pdvagent/config.yaml 2>/dev/null | grep -o '"pending": *[0-9]*' | head -n 1 | grep -o '[0-9]*$' || true)
  if [ -n "$pending" ] && [ "$pending" -gt 0 ]; then
    echo "pdvagent: ATENÇÃO: há $pending registro(s) por enviar. Eles ficam em /var/lib/pdvagent e são enviados se o pdvagent for instalado de novo."
  fi
fi
if [ -d /run/systemd/system ]; then
  systemctl disable --now pdvagent.service >/dev/null 2>&1 || true
fi
exit 0
