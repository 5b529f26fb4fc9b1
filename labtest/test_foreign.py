"""A guest that is not the project's own: Debian by ganeti-instance-debootstrap, restored."""

from pathlib import Path

import pytest

from labtest.conftest import RESTORE, SITE_FILE, Lab, reason, red
from provision.lab.mirror import HOST, PORT

NAME = "vm3.gnt.example"
FILES = ("/etc/debian_version", "/usr/bin/dpkg")
# The definition installs from this file if it is there: as old as its default suite.
MAKE = f"""\
set -e
cd /var/tmp
debootstrap --no-check-gpg --variant=minbase --include=udev,systemd-sysv \\
    bookworm debian http://{HOST}:{PORT}/ >&2
tar -C debian -cf /var/cache/ganeti-instance-debootstrap/cache-jessie-amd64.tar .
cd debian && sha256sum {" ".join(f".{file}" for file in FILES)}
cd .. && rm -r debian
"""
# The nodes' own initrd has no driver for a guest's disk.
ADD = f"""\
set -e
kernel=$(uname -r) drivers=/var/tmp/drivers initrd=/boot/initrd-debian.img
cp -r /etc/initramfs-tools $drivers
rm -f $drivers/conf.d/* $drivers/hooks/*
printf '%s\\n' MODULES=list COMPRESS=zstd COMPRESSLEVEL=1 > $drivers/conf.d/debian
printf '%s\\n' virtio_pci virtio_blk virtio_net ext4 > $drivers/modules
mkinitramfs -d $drivers -o $initrd $kernel
gnt-cluster copyfile $initrd
echo 192.168.255.251 {NAME} >> /etc/hosts
gnt-instance add -t plain -s 1g -o debootstrap+default -n node2.gnt.example --no-name-check \\
    --no-ip-check --no-start -B memory=256M --net 0:link=xen-br0 -H kvm:\\
kernel_path=/boot/vmlinuz-$kernel,initrd_path=$initrd,root_path=/dev/vda1,\\
serial_console=true,kernel_args=ro {NAME}
gnt-backup export -n node1.gnt.example {NAME}
"""


@pytest.mark.long
def test_a_debian_guest_is_restored(drilled: Lab, tmp_path: Path) -> None:
    """The ladder to its top: a login prompt, a shell on the console, files by their sums."""
    drilled.snapshot("alone")
    try:
        told = drilled.inside("ssh", "node2", MAKE, limit_s=2400).splitlines()
        pairs = (line.split("  .") for line in told if "  ./" in line)
        sums = {path: digest.strip() for digest, path in pairs}
        drilled.inside("ssh", "node1", ADD, limit_s=1200)
        site = tmp_path / "debian.toml"
        site.write_text(SITE_FILE.read_text(encoding="utf-8") + guest(sums), encoding="utf-8")
        options = (f"--site={site}", *RESTORE, f"--drill-instances={NAME}")
        status, verdicts = drilled.verify(tmp_path, *options, limit_s=1800)
        assert not red(verdicts), reason(verdicts)
        assert (status, len(verdicts)) == (0, 6)
    finally:
        drilled.reset("alone")


def guest(sums: dict[str, str]) -> str:
    """What a site says of it."""
    content = ", ".join(f'"{path}" = "{sums[path]}"' for path in FILES)
    return f"""
[[drills.guests]]
name = "{NAME}"
ready = "login:"
partition = 1
probes = [{{ kind = "console", send = "root", want = "root@" }}]
content = {{ {content} }}
"""
