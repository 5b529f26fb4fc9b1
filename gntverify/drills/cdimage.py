"""A CD that installs: an image that boots, writes the disk's boot sector, and says so.

El Torito 1.0 without emulation, on an ISO 9660 volume without files. The BIOS loads two sectors
of 512 bytes and runs the first in real mode; it writes the second to the first disk (INT 13h,
which SeaBIOS has for virtio too). Both say their line on the first serial port, once a second and
for ever: whoever listens later hears them too. No tool and no loader of others is needed.
"""

import struct
from dataclasses import dataclass

BLOCK = 2048
SECTOR = 512
PVD, RECORD, END, CATALOG, TABLE_L, TABLE_M, ROOT, BOOT = range(16, 24)
BLOCKS = BOOT + 1
STAMP = b"0" * 16 + b"\0"
"""ISO 9660's "not specified" for a date."""
LEAST, MOST = 32, 126

# A stack below the loader's place, and the own address in BP: it runs wherever it was loaded.
_BEGIN = bytes.fromhex(
    "fa"  #        cli
    "31c0"  #      xor ax, ax
    "8ed8"  #      mov ds, ax        BIOS data lies in segment 0
    "8ed0"  #      mov ss, ax
    "bc007c"  #    mov sp, 7c00h
    "fb"  #        sti
    "e80000"  #    call next
    "5d"  # next:  pop bp
)
_HERE = len(_BEGIN) - 1
_SAY = bytes.fromhex(
    "89fe"  # again: mov si, di
    "2eac"  # char:  cs lodsb
    "84c0"  #        test al, al
    "7412"  #        jz wait
    "88c4"  #        mov ah, al
    "bafd03"  #      mov dx, 3fdh      line status of COM1
    "ec"  # full:    in al, dx
    "a820"  #        test al, 20h
    "74fb"  #        jz full
    "baf803"  #      mov dx, 3f8h
    "88e0"  #        mov al, ah
    "ee"  #          out dx, al
    "ebe8"  #        jmp char
    "8b1e6c04"  # wait: mov bx, [046ch]  ticks of the clock, 18.2 a second
    "f4"  # tick:    hlt
    "a16c04"  #      mov ax, [046ch]
    "29d8"  #        sub ax, bx
    "3d1200"  #      cmp ax, 18
    "72f5"  #        jb tick
    "ebd5"  #        jmp again
)


@dataclass(frozen=True, slots=True)
class Lines:
    """What is said on the serial port, of printable ASCII.

    Attributes:
        written: by the CD, once the disk's boot sector is written.
        failed: by the CD, when it could not be.
        disk: by the disk, when it is booted.
    """

    written: str
    failed: str
    disk: str


def _line(text: str) -> bytes:
    if not text or not all(LEAST <= ord(char) <= MOST for char in text):
        raise ValueError(f"{text!r} is no line of printable ASCII.")
    return text.encode("ascii") + b"\r\n\0"


def _lea(register: int, place: int) -> bytes:
    """`lea REGISTER, [bp + place]`, with ``place`` from the start of the program."""
    return bytes([0x8D, register]) + struct.pack("<h", place - _HERE)


_BX, _DI = 0x9E, 0xBE


def disk_sector(line: str) -> bytes:
    """A boot sector that says its line.

    Raises:
        ValueError: the line is none, or too long.
    """
    length = len(_BEGIN) + len(_lea(_DI, 0)) + len(_SAY)
    program = _BEGIN + _lea(_DI, length) + _SAY + _line(line)
    return _filled(program, SECTOR - 2) + b"\x55\xaa"


def cd_sector(written: str, failed: str) -> bytes:
    """The program of the CD; what it writes on the disk follows it.

    Raises:
        ValueError: a line is none, or they are too long.
    """
    write = (
        b"\x0e\x07"  #          push cs; pop es
        + _lea(_BX, SECTOR)
        + bytes.fromhex(
            "b80103"  #         mov ax, 0301h     write one sector
            "b90100"  #         mov cx, 1         the first
            "ba8000"  #         mov dx, 80h       of the first disk
            "cd13"  #           int 13h           carry: it failed
        )
    )
    choose = 2 * len(_lea(_DI, 0)) + 2
    length = len(_BEGIN) + len(write) + choose + len(_SAY)
    well, ill = _line(written), _line(failed)
    program = (
        _BEGIN
        + write
        + _lea(_DI, length)
        + b"\x73\x04"  #        jnc +4
        + _lea(_DI, length + len(well))
        + _SAY
        + well
        + ill
    )
    return _filled(program, SECTOR)


def _filled(content: bytes, size: int) -> bytes:
    if len(content) > size:
        raise ValueError(f"{len(content)} bytes do not fit in {size}.")
    return content.ljust(size, b"\0")


def cd_image(lines: Lines) -> bytes:
    """The image, of :data:`BLOCKS` blocks of 2048 bytes.

    Raises:
        ValueError: a line is none, or they are too long.
    """
    boot = cd_sector(lines.written, lines.failed) + disk_sector(lines.disk)
    blocks = {
        PVD: _volume(),
        RECORD: _boot_record(),
        END: b"\xffCD001\x01",
        CATALOG: _catalog(),
        TABLE_L: struct.pack("<BBIH2x", 1, 0, ROOT, 1),
        TABLE_M: struct.pack(">BBIH2x", 1, 0, ROOT, 1),
        ROOT: _directory(0) + _directory(1),
        BOOT: boot,
    }
    return b"".join(_filled(blocks.get(number, b""), BLOCK) for number in range(BLOCKS))


def _both(value: int, form: str) -> bytes:
    """A number in both byte orders, as ISO 9660 has them."""
    return struct.pack(f"<{form}", value) + struct.pack(f">{form}", value)


def _directory(name: int) -> bytes:
    """The root directory's record of itself (0) or of its parent (1), which it is too."""
    return (
        b"\x22\0" + _both(ROOT, "I") + _both(BLOCK, "I") + bytes([100, 1, 1, 0, 0, 0, 0])
        + b"\x02\0\0" + _both(1, "H") + bytes([1, name])
    )  # fmt: skip


def _volume() -> bytes:
    """The primary volume descriptor (ECMA-119, 8.4)."""
    return b"".join([
        b"\x01CD001\x01\0", b" " * 32, b"GNTVERIFY".ljust(32), bytes(8), _both(BLOCKS, "I"),
        bytes(32), _both(1, "H"), _both(1, "H"), _both(BLOCK, "H"), _both(10, "I"),
        struct.pack("<II", TABLE_L, 0), struct.pack(">II", TABLE_M, 0), _directory(0),
        b" " * (4 * 128 + 3 * 37), STAMP * 4, b"\x01\0",
    ])  # fmt: skip


def _boot_record() -> bytes:
    """Where the catalogue lies (El Torito, figure 7)."""
    name = b"EL TORITO SPECIFICATION".ljust(32, b"\0")
    return b"\0CD001\x01" + name + bytes(32) + struct.pack("<I", CATALOG)


def _catalog() -> bytes:
    """Validation entry, whose words add up to 0, and the default entry (figures 2 and 3)."""
    head = b"\x01\0\0\0" + b"gntverify".ljust(24, b"\0")
    words = (*struct.unpack("<14H", head), 0xAA55)
    validation = head + struct.pack("<H", -sum(words) & 0xFFFF) + b"\x55\xaa"
    return validation + struct.pack("<BBHBBHI20x", 0x88, 0, 0, 0, 0, 2, BOOT)
