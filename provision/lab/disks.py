"""The layout of a node's disks, and the formats the builder boot needs, as bytes.

A disk as the notes have it, sizes scaled down: ``1`` half of the RAID1 root, ``2`` swap, ``3``
the extended partition, ``5`` in it the LVM physical volume.
"""

import struct
from dataclasses import dataclass

SECTOR = 512
MIB = 1024 * 1024
ALIGN = MIB // SECTOR
BLOCK = 4096

_RAID, _SWAP, _EXTENDED, _LVM = 0xFD, 0x82, 0x05, 0x8E
_NO_CHS = b"\xfe\xff\xff"
"""Cylinders, heads and sectors are not used: the value that says so."""


@dataclass(frozen=True)
class Layout:
    """Sizes in MiB; two such disks make a node."""

    root_mib: int = 8192
    swap_mib: int = 512
    volume_mib: int = 12288

    @property
    def root_start(self) -> int:
        """First sector of the root's half, also the alignment of all partitions."""
        return ALIGN

    @property
    def size(self) -> int:
        """Size of the disk in bytes."""
        return (1 + self.root_mib + self.swap_mib + 1 + self.volume_mib + 1) * MIB

    @property
    def root_blocks(self) -> int:
        """Size of the root file system in blocks: the last MiB is the array's superblock's."""
        return (self.root_mib - 1) * MIB // BLOCK

    def tables(self) -> dict[int, bytes]:
        """The partition tables: byte offset and content of a sector each."""
        root, swap = self.root_mib * ALIGN, self.swap_mib * ALIGN
        extended = ALIGN + root + swap
        volume = self.volume_mib * ALIGN
        primary = [
            _entry(_RAID, ALIGN, root),
            _entry(_SWAP, ALIGN + root, swap),
            _entry(_EXTENDED, extended, ALIGN + volume),
        ]
        return {
            0: _table(primary, signature=0x676E7476),
            # The offset of a logical partition counts from its own table.
            extended * SECTOR: _table([_entry(_LVM, ALIGN, volume)]),
        }


def _entry(kind: int, start: int, sectors: int) -> bytes:
    return struct.pack("<B3sB3sII", 0, _NO_CHS, kind, _NO_CHS, start, sectors)


def _table(entries: list[bytes], *, signature: int = 0) -> bytes:
    table = b"".join(entries).ljust(64, b"\0")
    return bytes(440) + struct.pack("<IH", signature, 0) + table + b"\x55\xaa"


def initramfs_with(initrd: bytes, name: str, content: bytes) -> bytes:
    """An initial RAM disk with one more executable at its root.

    The kernel unpacks archives that follow each other, at any multiple of four bytes.
    """
    padded = initrd + bytes(-len(initrd) % 4)
    return padded + _newc(name, content, 0o100755) + _newc("TRAILER!!!", b"", 0)


def _newc(name: str, content: bytes, mode: int) -> bytes:
    """One member in cpio's ``newc`` format."""
    encoded = name.encode() + b"\0"
    fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + encoded
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
