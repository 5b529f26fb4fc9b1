"""The CD image: its structure as standards have it, and its programs as a processor runs them."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills.cdimage import BLOCK, SECTOR, Lines, cd_image, cd_sector, disk_sector

LINES = Lines("CD a1b2c3: installed", "CD a1b2c3: no disk", "disk a1b2c3: booted")
IMAGE = cd_image(LINES)
SIGNATURE = b"\x55\xaa"


def block(number: int) -> bytes:
    return IMAGE[number * BLOCK : (number + 1) * BLOCK]


def test_it_is_an_iso_9660_volume() -> None:
    volume = block(16)
    assert volume[:7] == b"\x01CD001\x01"
    assert struct.unpack("<I", volume[80:84])[0] * BLOCK == len(IMAGE)
    assert struct.unpack(">I", volume[84:88])[0] * BLOCK == len(IMAGE)
    assert struct.unpack("<H", volume[128:130]) == (BLOCK,)
    assert (volume[881], len(volume)) == (1, BLOCK)  # the file structure's version
    assert block(18)[:7] == b"\xffCD001\x01"
    root = volume[156:190]
    assert root == block(struct.unpack("<I", root[2:6])[0])[:34]


def catalog() -> bytes:
    record = block(17)
    assert record[:7] == b"\0CD001\x01"
    assert record[7:39] == b"EL TORITO SPECIFICATION".ljust(32, b"\0")
    return block(struct.unpack("<I", record[0x47:0x4B])[0])


def booted() -> bytes:
    """What a BIOS loads of it."""
    entry = catalog()[32:64]
    count, start = struct.unpack("<HI", entry[6:12])
    return IMAGE[start * BLOCK : start * BLOCK + count * SECTOR]


def test_its_catalogue_is_valid() -> None:
    words = catalog()
    assert (words[0], words[30:32]) == (1, SIGNATURE)
    assert sum(struct.unpack("<16H", words[:32])) & 0xFFFF == 0
    assert words[32:34] == b"\x88\0"  # bootable, without emulation
    assert len(booted()) == 2 * SECTOR


@dataclass
class Processor:
    """As much of an 8086, its BIOS, its clock and its serial port as these programs use."""

    memory: bytearray
    place: int
    fails: bool = False
    said: bytearray = field(default_factory=bytearray)
    written: list[bytes] = field(default_factory=list)
    halts: int = 0

    def run(self, most: int) -> None:
        """So many instructions."""
        self.ax = self.bx = self.cx = self.dx = self.si = self.di = self.bp = 0
        self.sp = 0x6000
        self.zero = self.carry = False
        for _ in range(most):
            self._step()

    def _byte(self) -> int:
        self.place += 1
        return self.memory[self.place - 1]

    def _word(self) -> int:
        return self._byte() | self._byte() << 8

    def _ticks(self) -> int:
        return int.from_bytes(self.memory[0x46C:0x46E], "little")

    def _jump(self, when: bool) -> None:
        offset = struct.unpack("b", bytes([self._byte()]))[0]
        self.place += offset if when else 0

    def _step(self) -> None:
        code = self._byte()
        if code in (0x31, 0x8E, 0x0E, 0x07, 0x2E):  # segments are all 0 here
            self.place += 0 if code in (0x0E, 0x07) else 1
            if code == 0x2E:
                assert self.memory[self.place - 1] == 0xAC
                self.ax = self.ax & 0xFF00 | self.memory[self.si]
                self.si += 1
        elif code in (0xFA, 0xFB):
            pass
        elif code == 0xE8:
            self.sp, after = self.sp - 2, self._word() + self.place
            struct.pack_into("<H", self.memory, self.sp, self.place)
            self.place = after
        elif code == 0x5D:
            self.bp = struct.unpack_from("<H", self.memory, self.sp)[0]
            self.sp += 2
        else:
            OTHERS[code](self)

    def _lea(self) -> None:
        register = {0x9E: "bx", 0xBE: "di"}[self._byte()]
        setattr(self, register, self.bp + struct.unpack("<h", struct.pack("<H", self._word()))[0])

    def _mov(self) -> None:
        self.si = self.di if self._byte() == 0xFE else self.si

    def _test(self) -> None:
        assert self._byte() == 0xC0
        self.zero = self.ax & 0xFF == 0

    def _high(self) -> None:
        kind = self._byte()
        if kind == 0xC4:
            self.ax = self.ax & 0xFF | (self.ax & 0xFF) << 8
        else:
            assert kind == 0xE0
            self.ax = self.ax & 0xFF00 | self.ax >> 8

    def _status(self) -> None:
        assert self.dx == 0x3FD
        self.ax = self.ax & 0xFF00 | 0x60

    def _ready(self) -> None:
        self.zero = self.ax & self._byte() == 0

    def _out(self) -> None:
        assert self.dx == 0x3F8
        self.said.append(self.ax & 0xFF)

    def _bios(self) -> None:
        assert (self._byte(), self.ax, self.cx, self.dx) == (0x13, 0x0301, 1, 0x80)
        self.written.append(bytes(self.memory[self.bx : self.bx + SECTOR]))
        self.carry = self.fails

    def _halt(self) -> None:
        self.halts += 1
        struct.pack_into("<H", self.memory, 0x46C, (self._ticks() + 1) & 0xFFFF)

    def _clock(self) -> None:
        assert (self._byte(), self._word()) == (0x1E, 0x46C)
        self.bx = self._ticks()

    def _subtract(self) -> None:
        assert self._byte() == 0xD8
        self.ax = (self.ax - self.bx) & 0xFFFF

    def _compare(self) -> None:
        self.carry = self.ax < self._word()

    def _tick(self) -> None:
        assert self._word() == 0x46C
        self.ax = self._ticks()


OTHERS: dict[int, Callable[[Processor], None]] = {
    0xBC: lambda cpu: setattr(cpu, "sp", cpu._word()),
    0x8D: Processor._lea,
    0xB8: lambda cpu: setattr(cpu, "ax", cpu._word()),
    0xB9: lambda cpu: setattr(cpu, "cx", cpu._word()),
    0xBA: lambda cpu: setattr(cpu, "dx", cpu._word()),
    0xCD: Processor._bios,
    0x73: lambda cpu: cpu._jump(not cpu.carry),
    0x72: lambda cpu: cpu._jump(cpu.carry),
    0x74: lambda cpu: cpu._jump(cpu.zero),
    0xEB: lambda cpu: cpu._jump(True),
    0x89: Processor._mov,
    0x84: Processor._test,
    0x88: Processor._high,
    0xEC: Processor._status,
    0xA8: Processor._ready,
    0xEE: Processor._out,
    0x8B: Processor._clock,
    0xF4: Processor._halt,
    0xA1: Processor._tick,
    0x29: Processor._subtract,
    0x3D: Processor._compare,
}


def run(program: bytes, *, fails: bool = False, clock: int = 0) -> Processor:
    """The program where a BIOS loads it, run for a while."""
    memory = bytearray(0x10000)
    struct.pack_into("<H", memory, 0x46C, clock)
    memory[0x7C00 : 0x7C00 + len(program)] = program
    made = Processor(memory, 0x7C00, fails)
    made.run(2500)
    return made


def test_the_cd_writes_the_disk_and_says_so() -> None:
    made = run(booted())
    assert made.said.decode().startswith("CD a1b2c3: installed\r\nCD a1b2c3: installed\r\n")
    assert made.written == [disk_sector(LINES.disk)]
    assert made.halts >= 18


def test_a_disk_that_cannot_be_written_is_told() -> None:
    assert run(booted(), fails=True).said.decode().startswith("CD a1b2c3: no disk\r\n")


@pytest.mark.parametrize("clock", [0, 0xFFF8])
def test_what_was_written_boots(clock: int) -> None:
    """Over midnight of the clock's word too."""
    (sector,) = run(booted()).written
    assert sector[510:] == SIGNATURE
    assert run(sector, clock=clock).said.decode().count("disk a1b2c3: booted\r\n") >= 2


@given(st.text(max_size=300))
def test_any_line_is_said_or_refused(line: str) -> None:
    try:
        sector = disk_sector(line)
    except ValueError:
        return
    assert len(sector) == SECTOR
    assert line.encode() + b"\r\n\0" in sector


@pytest.mark.parametrize("lines", [("", "x"), ("x" * 300, "y" * 300), ("ä", "x"), ("a\nb", "x")])
def test_lines_that_do_not_fit_are_refused(lines: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"bytes do not fit|no line"):
        cd_sector(*lines)
