"""What is measured on nodes, on this machine: the scripts themselves."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.perf.nodes import _DISK, _RECEIVE, _SEND, disk_rates, fio_rate


def _run(*argv: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", *argv], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(bytes(4 << 20))
    try:
        text = _run(_DISK, str(file), "4", "0.1")
    except subprocess.CalledProcessError as err:
        if b"Invalid argument" in err.stderr.encode():
            pytest.skip("this file system knows no O_DIRECT")
        raise
    assert min(disk_rates(text)) > 0
    assert file.read_bytes() != bytes(4 << 20)


def test_what_is_sent_is_received_and_strangers_are_not_listened_to() -> None:
    ends = "127.0.0.1", "127.0.0.1", "28765"
    with ThreadPoolExecutor(3) as pool:
        receives = pool.submit(_run, _RECEIVE, *ends, "secret00", "20")
        stranger = pool.submit(_run, _SEND, *ends, "stranger", "20", "0.1")
        stranger.exception()
        _run(_SEND, *ends, "secret00", "20", "0.3")
        assert json.loads(receives.result()) > 0


def test_fio_counts_reads_and_writes() -> None:
    job = {"read": {"iops": 100.5}, "write": {"iops": 20}}
    assert fio_rate("fio: a note\n" + json.dumps({"jobs": [job]})) == 120.5
    assert fio_rate("") is None


@given(st.text())
def test_whatever_is_printed_is_amounts_or_refused(text: str) -> None:
    with suppress(ParseError):
        assert min(disk_rates(text)) > 0
    with suppress(ParseError):
        found = fio_rate(text)
        assert found is None or found >= 0
