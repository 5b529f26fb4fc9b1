# The disk of a probe, on a node: one ext4 file system without a partition table. Nothing here
# mounts it: e2fsprogs reads and writes it, on a device or in a file, and nobody needs a loop.
# Read by bash.
set -euo pipefail
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin

share=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$share/work
. "$share/canary.sh"

fail() {
    echo "gntverify-probe: $*" >&2
    exit 1
}

# privately PROGRAM ARGUMENT…: go on as that program, with a file system in memory at $work that
# nobody else sees and that ends with it
privately() {
    local own=()
    [ "$(id -u)" -eq 0 ] || own=(--map-root-user)
    if [ -z "${PROBE_PRIVATE:-}" ]; then
        PROBE_PRIVATE=yes exec unshare "${own[@]}" --mount -- "$@"
    fi
    mount -t tmpfs -o mode=0700 gntverify-probe "$work"
}

# forget DEVICE: whatever file system was there, nobody finds it any more
forget() {
    dd if=/dev/zero of="$1" bs=64k count=1 conv=notrunc,fsync status=none
}

# make_file_system TREE DEVICE: a new one, over the whole device, that holds the tree
make_file_system() {
    mkfs.ext4 -q -F -b 4096 -L probe -m 0 -N 1024 -J size=4 \
        -E nodiscard,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0 -d "$1" "$2" && return
    forget "$2"
    fail "no file system could be made on '$2'."
}

# files_of DEVICE DIR: all files of its file system. The device is only read: where its journal
# was left dirty, that of a copy is replayed.
files_of() {
    local said image=$1
    said=$(dumpe2fs -h "$1" 2>&1) || fail "'$1' has no ext4 file system that can be read."
    if [[ $said == *needs_recovery* ]]; then
        copy_of "$1"
        image=/proc/self/fd/9
    fi
    debugfs -R "rdump / $2" "$image" >/dev/null 2>"$2.said"
    said=$(grep -v '^debugfs [0-9]' "$2.said") || return 0
    fail "not all of '$1' could be read: $said"
}

# copy_of DEVICE: descriptor 9 is a file that has no name, with the device's content in order
copy_of() {
    local name status=0
    name=$(mktemp /var/tmp/gntverify-probe.XXXXXX)
    exec 9<>"$name"
    rm "$name"
    dd if="$1" of=/proc/self/fd/9 bs=1M conv=sparse status=none
    e2fsck -p /proc/self/fd/9 >/dev/null 2>&1 || status=$?
    [ "$status" -lt 4 ] || fail "the journal of '$1' cannot be replayed (e2fsck: $status)."
}

# disk_of VALUE: the disk's path, as Ganeti gives it
disk_of() {
    [ -n "$1" ] || fail "the instance has no disk that this node sees as a device or file."
    printf '%s' "$1"
}
