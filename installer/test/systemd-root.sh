#!/usr/bin/env bash
# Boots a real systemd (PID 1 of its own namespaces) in a Debian tree, on a machine whose own init need not be systemd, so
# that the unit can be tried for real. Wants root.
#
#   systemd-root.sh make ROOT            debootstrap a tree (about a minute; keep it between runs)
#   systemd-root.sh boot ROOT            boot it in the background; prints the PID of its init
#   systemd-root.sh exec PID CMD ...     run a command inside (systemctl, journalctl, curl ...)
#   systemd-root.sh halt PID             end it, as a power cut would
# The tree shares this machine's network, loopback included, and nothing else.
set -euo pipefail
verb=${1:?make, boot, exec or halt}
case $verb in
make)
  root=${2:?ROOT}
  bash "$(dirname "$0")/../../.ci/packages.sh" debootstrap
  debs="$(realpath -m "$root")"
  debs="${debs%/*}/debs" # packages that were fetched once
  mkdir -p "$debs"
  [ -x "$root/lib/systemd/systemd" ] ||
    debootstrap --cache-dir="$debs" --variant=minbase --include=systemd,systemd-sysv,dbus,curl,procps bookworm "$root" >"$root.log" 2>&1 ||
    { tail "$root.log" >&2; rm -rf "$root"; exit 1; }
  ;;
boot)
  root=$(realpath "${2:?ROOT}")
  inner=$(mktemp)
  cat >"$inner" <<EOF
set -e
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t sysfs sys "$root/sys" || mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/sys/fs/cgroup" || true
mkdir -p "$root/sys/fs/cgroup/systemd"
mount -t cgroup -o none,name=systemd,xattr cgroup "$root/sys/fs/cgroup/systemd" || true
mount --rbind /dev "$root/dev"
exec chroot "$root" /usr/bin/env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console systemd.unit=multi-user.target
EOF
  setsid unshare --pid --mount --uts --ipc --cgroup --fork --kill-child bash "$inner" </dev/null >"$root.boot.log" 2>&1 &
  outer=$!
  for _ in $(seq 300); do
    pid=$(pgrep -P "$outer" | sed -n 1p || true)
    state=$([ -z "$pid" ] || nsenter -t "$pid" -m -p -u -i -r -w systemctl is-system-running 2>/dev/null || true)
    case $state in
    running | degraded)
      echo "$pid"
      exit 0
      ;;
    esac
    sleep 0.2
  done
  echo "systemd did not come up; see $root.boot.log" >&2
  exit 1
  ;;
exec)
  pid=${2:?PID}
  shift 2
  exec nsenter -t "$pid" -m -p -u -i -r -w "$@"
  ;;
halt) kill -9 "${2:?PID}" ;; # ending the init of a PID namespace ends everything in it
*)
  echo "unknown verb $verb" >&2
  exit 2
  ;;
esac
