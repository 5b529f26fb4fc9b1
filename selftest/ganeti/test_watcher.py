import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import watcher
from gntverify.ganeti.ssconf import DATA_DIR
from gntverify.transport.replay import Replay

LINE = "*/5 * * * * root [ -x /usr/sbin/ganeti-watcher ] && /usr/sbin/ganeti-watcher"
TIMES = st.integers(1_000_000_000, 2_000_000_000)


def test_the_recorded_watchers_run(
    master: Replay, other: Replay, told: Callable[[Replay, str], str]
) -> None:
    have = watcher.parse_watcher(told(master, "watcher.pause"))
    assert (have.trouble, have.cron, have.pause_s) == ("", "active", 0.0)
    assert len(have.lines) == 1
    assert have.age_s is not None
    assert 0 <= have.age_s < 600
    elsewhere = watcher.parse_watcher(told(other, "watcher.pause"))
    assert elsewhere.trouble == ""
    assert elsewhere.age_s is None, "only on the master does it get to its end"


def test_the_oldest_group_counts_and_comments_do_not(samples: SimpleNamespace) -> None:
    have = watcher.parse_watcher(samples.WATCHER)
    assert have.age_s == 1795537837 - 1795537561
    assert have.pause_s == 3600
    assert have.lines == (LINE,)
    assert have.trouble == "it is paused for another 60 min"


def test_a_pause_that_is_over_is_none() -> None:
    assert watcher.parse_watcher("now 100\npause 99.5\ncron active\n").pause_s == 0.0


def test_the_end_of_a_pause_is_told_beside_the_true_age() -> None:
    have = watcher.parse_watcher("now 5000\nran 1000\npause 4900\ncron active\n")
    assert (have.pause_s, have.age_s, have.free_s) == (0.0, 4000.0, 100.0)


@pytest.mark.parametrize(
    ("line", "active"),
    [
        (LINE, True),
        (f"  {LINE} --rapi-ip=192.168.1.1", True),
        ("@hourly root /usr/sbin/ganeti-watcher", True),
        ("0\t*\t* * mon-fri root ganeti-watcher", True),
        (f"#{LINE}", False),
        (f"  # {LINE}", False),
        ("# start ganeti-watcher on all nodes of the cluster", False),
        ("*/5 * * * root ganeti-watcher", False),
        ("*/5 * * * * root ganeti-watchers", False),
    ],
)
def test_a_line_of_cron_starts_it_or_not(line: str, active: bool) -> None:
    have = watcher.parse_watcher(f"now 100\ncron active\nline {line}\n")
    assert have.lines == ((line,) if active else ())
    assert bool(have.trouble) is not active


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ("", "127.0.0.1"),
        (" --rapi-ip=192.168.1.1", "192.168.1.1"),
        (" --rapi-ip 192.168.1.1 -d", "192.168.1.1"),
        (" --rapi-ip=10.0.0.1 --rapi-ip=192.168.1.1", "192.168.1.1"),
    ],
)
def test_it_asks_rapi_where_it_is_told(options: str, asked: str) -> None:
    have = watcher.parse_watcher(f"now 100\ncron active\nline {LINE}{options}\n")
    assert have.asks == {asked}


def test_nothing_is_asked_where_nothing_is_started() -> None:
    have = watcher.parse_watcher(f"now 100\ncron active\nline #{LINE} --rapi-ip=192.168.1.1\n")
    assert have.asks == frozenset()


def test_every_reason_is_told() -> None:
    have = watcher.parse_watcher("now 100\npause 160\ncron inactive\n")
    assert have.trouble == (
        "no line of /etc/cron.d or /etc/crontab starts it, cron is inactive, "
        "it is paused for another 1 min"
    )


@pytest.mark.parametrize(
    "bad",
    [
        "cron active\n",
        "now 100\n",
        "now 100\nnow 101\ncron active\n",
        "now soon\ncron active\n",
        "now 100\nran never\ncron active\n",
        "now 100\npause \ncron active\n",
        "now 100\npause until monday\ncron active\n",
        "now 100\npause 1\n2\ncron active\n",
        "now 100\ncron active\nstat: cannot statx\n",
        "now 100\ncron \n",  # systemd does not answer
    ],
)
def test_a_line_that_is_not_understood_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        watcher.parse_watcher(bad)


def test_the_command_finds_state_and_pause(tmp_path: Path) -> None:
    for name in ("watcher.one.data", "watcher.two.data"):
        (tmp_path / name).touch()
    (tmp_path / "watcher.pause").write_text(f"{time.time() + 3600:.0f}\n", encoding="utf-8")
    text = watcher.COMMAND[2].replace(DATA_DIR, str(tmp_path))
    text = text.replace("systemctl is-active cron.service", "echo active")  # as on a node
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, timeout=30)
    assert ran.stdout.count("\nran ") == 2
    have = watcher.parse_watcher(ran.stdout)
    assert 3500 < have.pause_s <= 3601
    assert have.age_s is not None
    assert 0 <= have.age_s < 60


@given(TIMES, st.lists(TIMES), st.none() | TIMES)
def test_ages_and_pauses_are_counted_from_the_nodes_clock(
    now: int, runs: list[int], pause: int | None
) -> None:
    lines = [f"now {now}", *(f"ran {run}" for run in runs), "cron active"]
    lines += [f"pause {pause}"] if pause is not None else []
    have = watcher.parse_watcher("\n".join(lines))
    assert have.age_s == (now - min(runs) if runs else None)
    assert have.free_s == (now - pause if pause is not None and pause <= now else None)
    assert have.pause_s == (pause - now if pause is not None and pause > now else 0)
