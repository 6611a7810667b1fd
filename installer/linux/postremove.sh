#!/bin/sh
# After the program is gone. Only a purge takes data, configuration and user along.
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" = purge ]; then
  rm -rf /var/lib/pdvagent /var/lib/pdvagent-previous /var/lib/pdvagent-failed /etc/pdvagent
  userdel pdvagent >/dev/null 2>&1 || true
fi
exit 0
