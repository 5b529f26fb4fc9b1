#!/bin/sh
# The builder boot: first process of a machine with the two disks. The host's kernel need not know
# software RAID or the device mapper; this one, Debian's own, does.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fail() { echo "BUILDER: failed: $1"; poweroff -f; }
mkdir -p /dev /proc /sys /run /tmp
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in virtio_pci virtio_scsi sd_mod raid1 dm_mod; do modprobe "$module"; done
tries=0
until [ -b /dev/sda5 ] && [ -b /dev/sdb5 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "the disks did not appear"
    sleep 1
done
# Both halves were copied from one base, so they are equal and need no resync. The superblock is at
# the end (metadata 1.0): the file system was there first.
mdadm --create /dev/md1 --run --metadata=1.0 --level=1 --raid-devices=2 --assume-clean \
    --bitmap=none --homehost=any --name=1 --uuid=6e747665:72696679:6c61622d:6d643031 \
    /dev/sda1 /dev/sdb1 || fail "no array could be made"
cat /proc/mdstat
mkswap /dev/sda2 && mkswap /dev/sdb2 || fail "no swap could be made"
lvm pvcreate -ff -y /dev/sda5 /dev/sdb5 || fail "no physical volumes could be made"
lvm vgcreate xenvg /dev/sda5 /dev/sdb5 || fail "no volume group could be made"
mdadm --stop /dev/md1 || fail "the array did not stop"
echo "BUILDER: done"
poweroff -f
