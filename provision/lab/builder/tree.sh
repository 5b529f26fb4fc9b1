#!/bin/sh
# Make the root file system: a Debian tree, put into the first partition of a raw disk.
# Usage: tree.sh MIRROR SUITE PACKAGES WORK BLOCKS OFFSET     (as root, or root of a user namespace)
set -eu
mirror=$1 suite=$2 packages=$3 work=$4 blocks=$5 offset=$6
here=$(cd "$(dirname "$0")" && pwd)
tree=$work/tree
trap 'rm -rf "$tree"' EXIT
mmdebstrap --quiet --mode=root --variant=minbase --format=directory --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
    --dpkgopt="path-exclude=/usr/share/doc/*" --dpkgopt="path-exclude=/usr/share/man/*" \
    --dpkgopt="path-exclude=/usr/share/info/*" \
    --dpkgopt="path-exclude=/usr/share/locale/*/LC_MESSAGES/*" \
    --essential-hook="$here/essential.sh" --customize-hook="$here/customize.sh" \
    "$suite" "$tree" "deb [trusted=yes] copy://$mirror $suite main"
cp "$tree"/boot/vmlinuz-* "$work/vmlinuz"
cp "$tree"/boot/initrd.img-* "$work/initrd"
mkfs.ext4 -q -F -b 4096 -N 262144 -m 1 -L root \
    -E "offset=$offset,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0" \
    -d "$tree" "$work/base.raw" "$blocks"
