#!/bin/sh
# After the files are in place: the user, the configuration where answers for one are given, the start, and the way back
# when the new version does not answer. deb calls it with "configure OLDVERSION", rpm with 1 (install) or 2 (upgrade).
set -e
case "$1" in
configure | 1 | 2) ;;
*) exit 0 ;;
esac
keep=/var/lib/pdvagent-previous
config=/etc/pdvagent/config.yaml

if ! getent passwd pdvagent >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/pdvagent --shell /usr/sbin/nologin pdvagent
fi
mkdir -p /etc/pdvagent
# Answers: PDVAGENT_INSTALL_... in the environment, or a file of them.
if [ ! -e "$config" ]; then
  answers=/etc/pdvagent/pdvagent-install.json
  if [ -e "$answers" ]; then
    pdvagent config init --config "$config" --answers "$answers"
  elif [ -n "${PDVAGENT_INSTALL_TOKEN:-}" ]; then
    pdvagent config init --config "$config"
  fi
fi
chown root:pdvagent /etc/pdvagent
chmod 750 /etc/pdvagent
if [ -e "$config" ]; then
  chown root:pdvagent "$config"
  chmod 640 "$config"
fi

[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl enable pdvagent.service >/dev/null 2>&1 || true
if [ ! -e "$config" ]; then
  echo "pdvagent: falta a configuração. Crie com: pdvagent config init --shop ... --till ... --token ..., e inicie com: systemctl start pdvagent"
  exit 0
fi

# systemd says "active" only when tills are answered; TimeoutStartSec bounds the wait.
answers() { timeout 60 systemctl restart pdvagent.service && systemctl is-active --quiet pdvagent.service; }
if answers; then
  rm -rf "$keep"
  exit 0
fi
if [ -x "$keep/pdvagent" ]; then
  echo "pdvagent: a versão nova não respondeu; a anterior volta. Veja: journalctl -u pdvagent"
  systemctl stop pdvagent.service || true
  cp -p "$keep/pdvagent" /usr/bin/pdvagent.back
  mv /usr/bin/pdvagent.back /usr/bin/pdvagent
  if answers; then exit 1; fi
  # What the new version wrote the old one does not read: the copy of before takes its place, the other is kept.
  systemctl stop pdvagent.service || true
  rm -rf /var/lib/pdvagent-failed
  mv /var/lib/pdvagent /var/lib/pdvagent-failed
  cp -a "$keep/data" /var/lib/pdvagent
  rm -f /var/lib/pdvagent/origin.json # the store knows a copied folder by it, and would hold its sales for a person
  if answers; then
    echo "pdvagent: os dados são os de antes da atualização; os que a versão nova tinha ficaram em /var/lib/pdvagent-failed."
  else
    echo "pdvagent: a versão anterior também não respondeu; chame o suporte."
  fi
  exit 1
fi
echo "pdvagent: o serviço não respondeu. Veja: pdvagent doctor e journalctl -u pdvagent"
exit 0
