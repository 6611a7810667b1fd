#!/usr/bin/env bash
# Runs a command, or the tests of agent/loads/source, beside PostgreSQL, MariaDB and Firebird: real servers from Debian's packages,
# each with a folder, a port and a password of its own, gone again at the end. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

bash .ci/packages.sh postgresql mariadb-server firebird3.0-server firebird3.0-utils

folder=$(mktemp -d)
chmod 0755 "$folder"
pids=()
clean() {
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do # the servers, and what started them
    pkill -P "$pid" 2>/dev/null || true
    kill "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap clean EXIT

# until_ready SECONDS COMMAND... tries until it works.
until_ready() {
  local left=$(($1 * 5)); shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "not ready: $*"; "$@" || true; exit 1; }
    sleep 0.2
  done
}

echo "postgres"
pg=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")
install -d -o postgres "$folder/pg"
echo certa >"$folder/pgpass"
chown postgres "$folder/pgpass"
runuser -u postgres -- "$pg/initdb" -D "$folder/pg" -A scram-sha-256 --pwfile "$folder/pgpass" -E UTF8 --locale=C.UTF-8 >/dev/null
runuser -u postgres -- "$pg/postgres" -D "$folder/pg" -p 54329 -k "$folder/pg" -c listen_addresses=127.0.0.1 >"$folder/pg.log" 2>&1 &
pids+=($!)
export PGPASSWORD=certa
until_ready 20 "$pg/psql" -h 127.0.0.1 -p 54329 -U postgres -c 'select 1'
"$pg/psql" -q -h 127.0.0.1 -p 54329 -U postgres -c 'create database erp'
export PDVAGENT_TEST_POSTGRES='postgres://postgres:certa@127.0.0.1:54329/erp?sslmode=disable'

echo "mariadb"
install -d -o mysql "$folder/my"
mariadb-install-db --no-defaults --user=mysql --datadir="$folder/my" --auth-root-authentication-method=normal >/dev/null 2>&1
mariadbd --no-defaults --user=mysql --datadir="$folder/my" --port=33069 --bind-address=127.0.0.1 --socket="$folder/my/socket" --pid-file="$folder/my/pid" >"$folder/my.log" 2>&1 &
pids+=($!)
until_ready 20 mariadb --no-defaults --socket="$folder/my/socket" -u root -e 'select 1'
mariadb --no-defaults --socket="$folder/my/socket" -u root -e "create database erp character set utf8mb4; create user loja@'127.0.0.1' identified by 'certa'; grant all on erp.* to loja@'127.0.0.1'"
export PDVAGENT_TEST_MARIADB='loja:certa@tcp(127.0.0.1:33069)/erp'

echo "firebird"
fb="$folder/fb"
install -d -o firebird "$fb" "$fb/lock"
cp -rL /usr/lib/*/firebird/3.0/. "$fb/"
cp /var/lib/firebird/3.0/system/security3.fdb "$fb/"
printf 'RemoteServicePort = 30599\nRemoteBindAddress = 127.0.0.1\nSecurityDatabase = %s/security3.fdb\n' "$fb" >"$fb/firebird.conf"
chown -R firebird "$fb"
as_firebird() { runuser -u firebird -- env FIREBIRD="$fb" FIREBIRD_LOCK="$fb/lock" "$@"; }
as_firebird isql-fb -q -user sysdba "$fb/security3.fdb" <<<"create or alter user SYSDBA password 'certa'; commit;"
as_firebird firebird >"$folder/fb.log" 2>&1 &
pids+=($!)
create() { as_firebird isql-fb -q -b <<<"create database '127.0.0.1/30599:$fb/erp.fdb' user 'SYSDBA' password 'certa' default character set UTF8;"; }
until_ready 20 create
export PDVAGENT_TEST_FIREBIRD="SYSDBA:certa@127.0.0.1:30599/$fb/erp.fdb"

unset PGPASSWORD
if [ $# -eq 0 ]; then
  set -- go test ./agent/loads/source -run Database -count=1 -v
fi
PDVAGENT_REQUIRE=all "$@"
