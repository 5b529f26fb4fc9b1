import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import versions
from gntverify.ganeti.ssconf import DATA_DIR

HEAD = "software mon-collector (ganeti) version 3.0.2-3\n"


def test_a_node_has_one_version(samples: SimpleNamespace) -> None:
    have = versions.parse_versions(samples.VERSIONS)
    assert (have.software, have.configuration, have.format) == ("3.0.2", 3000000, 3000000)
    assert (have.used, have.installed, have.pending) == ((3, 0), frozenset({(3, 0)}), "")


@pytest.mark.parametrize(
    ("told", "software", "number"),
    [
        ("(ganeti) version 3.1.0-1~bpo12+1", "3.1.0", 3010000),
        ("(ganeti) v2.16.2", "2.16.2", 2160000),
        ("(ganeti-local) 3.0.10", "3.0.10", 3000000),
    ],
)
def test_builds_tell_their_version_in_other_words(told: str, software: str, number: int) -> None:
    have = versions.parse_versions(f"software mon-collector {told}\n")
    assert (have.software, have.format) == (software, number)


@pytest.mark.parametrize(
    ("rest", "pending"),
    [
        ("", ""),
        ("intent 3.0.2,3.1,4711\n", "an upgrade was begun and not finished (3.0.2,3.1,4711)"),
        ("intent \n", "an upgrade was begun and not finished (empty)"),
        ("used /usr/lib/ganeti/3.0\ninstalled /usr/lib/ganeti/2.16\n", ""),
        (
            "used ../../lib/ganeti/3.0\ninstalled /usr/lib/ganeti/3.0\n"
            "installed /usr/lib/ganeti/3.10\n",
            "3.10 is installed and 3.0 in use",
        ),
        ("installed /usr/lib/ganeti/3.1\n", ""),  # built from source: nothing is linked
    ],
)
def test_an_upgrade_is_pending_or_not(rest: str, pending: str) -> None:
    assert versions.parse_versions(HEAD + rest).pending == pending


def test_a_node_that_is_no_candidate_keeps_no_configuration() -> None:
    assert versions.parse_versions(HEAD).configuration is None


@pytest.mark.parametrize(
    "bad",
    [
        "software \n",
        "configuration 3000000\n",
        HEAD + HEAD,
        HEAD + "configuration three\n",
        HEAD + "configuration 3000000\nconfiguration 3000000\n",
        HEAD + "used /usr/lib/ganeti\n",
        HEAD + "installed /usr/lib/ganeti/3.0.2\n",
        HEAD + "compiled with ghc 9.0\n",
    ],
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        versions.parse_versions(bad)


def test_the_command_takes_the_version_out_and_leaves_the_rest(tmp_path: Path) -> None:
    tool = tmp_path / "mon-collector"
    tool.write_text(
        '#!/bin/sh\nprintf "mon-collector (ganeti) version 3.0.2-3\\ncompiled\\n"\n',
        encoding="utf-8",
    )
    tool.chmod(0o755)
    (tmp_path / "config.data").write_text(
        '{"cluster": {"version": 1, "secret": "x"}, "version": 3000000}', encoding="utf-8"
    )
    (tmp_path / "intent-to-upgrade").write_text("3.0.2,3.1,4711", encoding="utf-8")
    (tmp_path / "lib").symlink_to("/usr/lib/ganeti/3.0")
    for series in ("3.0", "3.1"):
        (tmp_path / series).mkdir()
    text = versions.COMMAND[2].replace(DATA_DIR, str(tmp_path))
    text = text.replace("/etc/ganeti", str(tmp_path)).replace(versions.LIBRARY, str(tmp_path))
    ran = subprocess.run(
        ["/bin/sh", "-c", text],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    have = versions.parse_versions(ran.stdout)
    assert (have.configuration, have.intent) == (3000000, "3.0.2,3.1,4711")
    assert (have.used, have.installed) == ((3, 0), frozenset({(3, 0), (3, 1)}))


def test_a_configuration_that_is_none_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "config.data").write_text("{", encoding="utf-8")
    text = versions.COMMAND[2].replace(DATA_DIR, str(tmp_path))
    text = text.replace(versions.TOOL, "true")
    ran = subprocess.run(
        ["/bin/sh", "-c", text], capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.returncode != 0
