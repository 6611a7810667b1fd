#!/bin/sh
# Before the files of a new version are put in place: the old one stops in order, and what is needed to go back is kept.
set -e
keep=/var/lib/pdvagent-previous
if [ -x /usr/bin/pdvagent ] && [ -d /var/lib/pdvagent ]; then
  if [ -d /run/systemd/system ]; then systemctl stop pdvagent.service || true; fi
  rm -rf "$keep"
  mkdir -m 700 "$keep"
  cp -p /usr/bin/pdvagent "$keep/pdvagent"
  cp -a /var/lib/pdvagent "$keep/data"
fi
exit 0
