"""How long a guest was silent, of what ping printed; and the pinger, with a ping of ours."""

import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills import pings
from gntverify.drills.pings import parse_pings
from gntverify.errors import ParseError

REAL = """\
begin 1764000000.100000000
PING 192.168.9.1 (192.168.9.1) 56(84) bytes of data.
[1764000000.300001] 64 bytes from 192.168.9.1: icmp_seq=1 ttl=64 time=1.07 ms
[1764000000.500002] 64 bytes from 192.168.9.1: icmp_seq=2 ttl=64 time=0.877 ms
[1764000003.700002] From 192.168.0.3 icmp_seq=18 Destination Host Unreachable
[1764000004.000002] 64 bytes from 192.168.9.1: icmp_seq=20 ttl=64 time=1001 ms
[1764000004.000102] 64 bytes from 192.168.9.1: icmp_seq=20 ttl=64 time=1001 ms (DUP!)

--- 192.168.9.1 ping statistics ---
21 packets transmitted, 3 received, +1 duplicates, 85.7143% packet loss, time 4003ms
rtt min/avg/max/mdev = 0.877/1.2/1.5/0.1 ms, pipe 4
end 1764000004.200000000
"""


def test_silence_is_the_longest_time_without_an_answer() -> None:
    found = parse_pings(REAL)
    assert len(found.replies) == 4
    assert found.silence_s == pytest.approx(3.5)


def test_a_guest_that_never_answers_is_silent_all_the_time() -> None:
    assert parse_pings("begin 10.0\nend 25.5\n").silence_s == 15.5


def test_an_answer_after_the_end_is_no_silence_below_zero() -> None:
    text = "begin 10.0\n[12.5] 64 bytes from 192.0.2.1: icmp_seq=1 ttl=64\nend 12.0\n"
    assert parse_pings(text).silence_s == 2.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "begin 10.0\n",
        "end 10.0\n",
        "begin 10.0\nbegin 11.0\nend 12.0\n",
        "begin 10.0\nping has ended by itself\nend 12.0\n",
        "begin 10.0\n[9.0] 64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=1 ms\nend 12.0\n",
        "begin 10.0\n64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=1 ms\nend 12.0\n",
    ],
)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_pings(text)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30))
def test_silence_is_never_less_than_any_gap(stamps: list[int]) -> None:
    times = sorted(stamps)
    lines = [f"[{at}.000001] 64 bytes from 192.0.2.1: icmp_seq=1 ttl=64" for at in times[1:-1]]
    text = "\n".join([f"begin {times[0]}.0", *lines, f"end {times[-1]}.5"])
    silence_s = parse_pings(text).silence_s
    assert all(silence_s >= b - a - 0.01 for a, b in pairwise(times))


@given(st.text())
def test_any_text_is_pings_or_refused(text: str) -> None:
    try:
        found = parse_pings(text)
    except ParseError:
        return
    assert found.silence_s >= 0


def _sh(text: str, *args: str, path: Path) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", text, "sh", *args],
        env={"PATH": f"{path}:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=20,
    )
    return done.stdout


@pytest.fixture
def fake_ping(tmp_path: Path) -> Path:
    ping = tmp_path / "bin" / "ping"
    ping.parent.mkdir()
    ping.write_text(
        "#!/bin/sh\nwhile :; do\n"
        'echo "[$(date +%s.%N)] 64 bytes from $5: icmp_seq=1 ttl=64"; sleep 0.1\ndone\n'
    )
    ping.chmod(0o755)
    return ping.parent


def test_the_pinger_tells_what_it_saw(tmp_path: Path, fake_ping: Path) -> None:
    place = tmp_path / "scratch" / "ab12cd-1"
    _sh(pings._START, str(place), "192.0.2.1", "30", path=fake_ping)
    time.sleep(0.7)
    found = parse_pings(_sh(pings._STOP, str(place), "100", path=fake_ping))
    assert len(found.replies) > 2
    assert found.silence_s < 5


def test_the_pinger_ends_with_its_directory(tmp_path: Path, fake_ping: Path) -> None:
    place = tmp_path / "scratch" / "ab12cd-1"
    _sh(pings._START, str(place), "198.51.100.77", "30", path=fake_ping)
    _sh(f"rm -rf '{place}'", path=fake_ping)
    end = time.monotonic() + 10
    while "198.51.100.77" in _sh("ps -eo args", path=fake_ping):
        assert time.monotonic() < end, "the pinger goes on"
        time.sleep(0.1)
    assert not place.exists()


def test_a_ping_that_does_not_run_is_no_silence(tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "ping"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 2\n")
    broken.chmod(0o755)
    place = tmp_path / "place"
    _sh(pings._START, str(place), "192.0.2.1", "30", path=broken.parent)
    end = time.monotonic() + 10
    while not (place / "ended").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    with pytest.raises(ParseError, match="ended by itself"):
        parse_pings(_sh(pings._STOP, str(place), "100", path=broken.parent))
