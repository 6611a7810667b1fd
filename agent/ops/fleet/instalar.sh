#!/bin/sh
# Instala e confere os caixas com Linux desta pasta, por ssh, como root de cada um.
# Pode ser executado de novo: um caixa que já respondeu não tem mais arquivo de respostas, e é pulado.
set -u
umask 077
cd "$(dirname "$0")" || exit 1
pacote='{{pacote}}'
case "$pacote" in
*.rpm) arquivo=/root/pdvagent.rpm instala="dnf install -y /root/pdvagent.rpm" ;;
*) arquivo=/root/pdvagent.deb instala="apt-get install -y /root/pdvagent.deb" ;;
esac

caixa() {
  nome="$1-$2" maquina="root@$3"
  if [ ! -f "respostas/$nome.json" ]; then
    echo "Loja $1, caixa $2: respondeu antes."
    return
  fi
  echo "Loja $1, caixa $2, em $3"
  ssh "$maquina" 'umask 077 && mkdir -p /etc/pdvagent && cat >/etc/pdvagent/pdvagent-install.json' <"respostas/$nome.json" &&
    ssh "$maquina" "cat >$arquivo" <"$pacote" &&
    ssh -n "$maquina" "$instala"
  echo $? >"resultados/$nome.codigo"
  ssh -n "$maquina" "rm -f /etc/pdvagent/pdvagent-install.json $arquivo"
  ssh -n "$maquina" 'pdvagent config show --json' >"resultados/$nome.config"
  if ssh -n "$maquina" 'pdvagent status --json' >"resultados/$nome.situacao"; then
    rm -f "respostas/$nome.json"
  fi
}

{{caixas}}
echo "Feito. Veja o resultado com: pdvagent homologation fleet --check ."
