#!/bin/sh
# mmdebstrap, before the packages are unpacked: their scripts then see our configuration.
set -eu
cp -rT "$(dirname "$0")/overlay" "$1"
find "$1/etc/initramfs-tools" "$1/usr/local/lib/gntverify" -type f -exec chmod 755 {} +
chmod 644 "$1/etc/initramfs-tools/conf.d/gntverify"
echo Europe/Paris > "$1/etc/timezone"
ln -sf /usr/share/zoneinfo/Europe/Paris "$1/etc/localtime"
