#!/usr/bin/env bash
# Wine runs services in session 1, where golang.org/x/sys answers "not a service". For builds that are tried under wine
# only, this writes a go.mod whose x/sys is a copy without that question, and prints its path for -modfile=.
# Run it as: bash .ci/winemod.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
mkdir -p "$folder"
source=$(go list -m -f '{{.Dir}}' golang.org/x/sys)
[ -n "$source" ] || { go mod download golang.org/x/sys && source=$(go list -m -f '{{.Dir}}' golang.org/x/sys); }
cp -r "$source" "$folder/sys"
chmod -R u+w "$folder/sys"
sed -i 's/parentProcess.SessionID == 0 && //' "$folder/sys/windows/svc/security.go"
if cmp -s "$source/windows/svc/security.go" "$folder/sys/windows/svc/security.go"; then
  echo "x/sys asks for the session in another way now: see windows/svc/security.go" >&2
  exit 1
fi
cp go.mod "$folder/wine.mod"
cp go.sum "$folder/wine.sum"
go mod edit -replace "golang.org/x/sys=$folder/sys" "$folder/wine.mod"
echo "$folder/wine.mod"
