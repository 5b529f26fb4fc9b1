"""The Debian packages of the lab, in one place: what a plain node has, what the notes install."""

SUITE = "bookworm"

PLAIN = (
    "busybox",
    "chrony",
    "dbus",
    "e2fsprogs",
    "fdisk",
    "ifupdown",
    "initramfs-tools",
    "iproute2",
    "iputils-ping",
    "kmod",
    "less",
    "linux-image-amd64",
    "locales",
    "lvm2",
    "mdadm",
    "netbase",
    "openssh-client",
    "openssh-server",
    "procps",
    "python3",
    "systemd-sysv",
    "tzdata",
    "udev",
    "zstd",
)
"""A node as the installer leaves it: kernel, storage, ssh, a clock; nothing of Ganeti, no bridge
or VLAN tools."""

NETWORK = ("vlan", "netcat-openbsd", "fping", "tcpdump", "netmask", "bridge-utils")
"""The notes' first list; ``netcat`` is ``netcat-openbsd`` today."""

GANETI = (
    "lvm2",
    "ssh",
    "bridge-utils",
    "iproute2",
    "iputils-arping",
    "ndisc6",
    "python3",
    "openssl",
    "socat",
    "debootstrap",
    "dump",
    "kpartx",
    "qemu-utils",
    "gawk",
    "make",
    "drbd-utils",
    "qemu-system-x86",
    "ganeti",
    "ganeti-3.0",
    "ganeti-instance-debootstrap",
    "ganeti-os-noop",
)
"""The notes' long list, and Ganeti itself, which is packaged today."""

OPERATIONS = ("locales", "tzdata", "ethtool", "chrony", "cron", "smartmontools", "mdadm")
"""What the other steps and the controls need on a node."""

NOTES = tuple(dict.fromkeys((*NETWORK, *GANETI, *OPERATIONS)))

GUESTS = ("usr-is-merged",)
"""What ``debootstrap`` takes beside Debian's base as it makes a guest from the lab's mirror."""

NODE = tuple(dict.fromkeys((*PLAIN, *NOTES)))
"""Everything a provisioned node has; recommended packages are left out."""
