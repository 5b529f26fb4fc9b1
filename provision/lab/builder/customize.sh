#!/bin/sh
# mmdebstrap, after the packages are configured: what makes the tree a node without a name.
set -eu
root=$1
rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/lib/dbus/machine-id "$root"/etc/machine-id
: > "$root/etc/machine-id"
rm -f "$root/etc/resolv.conf" "$root"/etc/apt/sources.list.d/*
: > "$root/etc/resolv.conf"
: > "$root/etc/apt/sources.list"
echo localhost > "$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n' > "$root/etc/hosts"
printf 'auto lo\niface lo inet loopback\n' > "$root/etc/network/interfaces"
install -d -m 700 "$root/root/.ssh"
# Nothing that wakes up by itself during a test, and no login on a screen that is not there.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer mdcheck_start.timer mdcheck_continue.timer \
    mdmonitor-oneshot.timer man-db.timer getty@tty1.service systemd-pstore.service
do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
