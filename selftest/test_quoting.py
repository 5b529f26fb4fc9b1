"""Names never become shell syntax: every command line that is built is run through a local sh.

The programs it would start are stand-ins that print their arguments, so that what arrives can be
compared with what was meant.
"""

import re
import shlex
import shutil
import subprocess
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from gntverify.errors import ParseError, TargetRefused
from gntverify.evidence import Answer
from gntverify.facts.reach import reach_argv
from gntverify.facts.shape import cat, parse_cat
from gntverify.facts.system import names_argv
from gntverify.ganeti.security import read_logins, ssh_argv
from gntverify.transport import agent
from gntverify.transport.ssh import BOOTSTRAP, Options, command
from provision.lab.ssh import shell_text

if TYPE_CHECKING:
    from gntverify.transport.source import Source

NASTY = (
    "a b",
    "$(touch x)",
    "`touch x`",
    "a;touch x",
    "a'b",
    'a"b',
    "a\\b",
    "*",
    "~",
    "-n",
    "a\nb",
    "#",
)
NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12)
ODD = NAMES | st.sampled_from(NASTY)
ADDRESSES = st.ip_addresses(v=4)
RELAXED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
STAND_IN = """#!/bin/sh
printf '%s\\0' {name} "$@" >"$CALLS/$$"
exit {status}
"""


class Shell:
    """A folder that is empty but for stand-ins, and what was called there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.calls = home / "calls"
        self.bin = home / "bin"
        self.bin.mkdir()

    def stand_in(self, name: str, status: int = 0) -> None:
        """A program that notes its arguments, and says nothing."""
        path = self.bin / name
        path.write_text(STAND_IN.format(name=name, status=status))
        path.chmod(0o755)

    def run(self, argv: list[str]) -> str:
        """Standard output of the command, run where only the stand-ins are found."""
        shutil.rmtree(self.calls, ignore_errors=True)
        self.calls.mkdir()
        environment = {"PATH": str(self.bin), "CALLS": str(self.calls), "LC_ALL": "C"}
        shell = shutil.which(argv[0]) or argv[0]
        done = subprocess.run(
            [shell, *argv[1:]],
            cwd=self.home,
            env=environment,
            capture_output=True,
            timeout=20,
            check=True,
        )
        return done.stdout.decode("utf-8", errors="surrogateescape")

    @property
    def called(self) -> list[list[str]]:
        """Every call: the program and its arguments."""
        calls = [path.read_bytes().decode() for path in self.calls.iterdir()]
        return sorted(call.split("\0")[:-1] for call in calls)

    @property
    def untouched(self) -> bool:
        """Whether nothing came into being but what was put there."""
        return {path.name for path in self.home.iterdir()} <= {"bin", "calls"}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made.stand_in("getent", 2)
    made.stand_in("fping", 1)
    made.stand_in("nc", 1)
    made.stand_in("timeout")
    made.stand_in("touch")
    return made


@RELAXED
@given(names=st.lists(ODD, min_size=1, max_size=4))
@example(names=list(NASTY))
def test_names_are_resolved_as_they_are(shell: Shell, names: list[str]) -> None:
    shell.run(names_argv(names))
    assert shell.called == sorted(["getent", "ahostsv4", name] for name in names)
    assert shell.untouched


@RELAXED
@given(
    origin=ADDRESSES,
    targets=st.lists(ADDRESSES, min_size=1, max_size=4, unique=True),
    port=st.integers(1, 65535),
)
def test_addresses_are_reached_as_they_are(
    shell: Shell, origin: IPv4Address, targets: list[IPv4Address], port: int
) -> None:
    shell.run(reach_argv(origin, targets, port))
    words = list(map(str, targets))
    echo = ["fping", "-A", "-r", "2", "-t", "1000", "-S", str(origin), *words]
    connects = [["nc", "-n", "-z", "-w", "5", "-s", str(origin), to, str(port)] for to in words]
    assert shell.called == sorted([echo, *connects])
    assert shell.untouched


@RELAXED
@given(name=ODD.filter(lambda name: not set(name) & set("*/")))
def test_a_file_is_read_under_its_own_name(name: str) -> None:
    with TemporaryDirectory() as there:
        _read(Path(there) / f"f{name}", name)


def _read(path: Path, name: str) -> None:
    path.write_text("content\n")
    done = subprocess.run(cat([str(path)]), capture_output=True, timeout=20, check=True)
    text = done.stdout.decode()
    if "\n" in name:  # no line of it is taken for another file's
        with pytest.raises(ParseError):
            parse_cat(text)
    else:
        assert parse_cat(text) == {str(path): "content\n"}


class Silent:
    """A source that must not be asked."""

    name = "silent"

    def ask(self, *_args: object, **_more: object) -> Answer:
        """Fail: nothing may be asked."""
        raise AssertionError("it was asked")


@given(name=ODD.filter(lambda name: not re.fullmatch(r"[\w.-]+", name)))
def test_a_login_is_asked_of_plain_names_only(name: str) -> None:
    source = cast("Source", Silent())
    for cluster, target in ((name, "node1"), ("clust1", name)):
        with pytest.raises(ParseError, match="is no host name"):
            read_logins(source, cluster, {target: 22})


@RELAXED
@given(
    names=st.lists(
        st.from_regex(r"[a-z0-9][a-z0-9.-]{0,12}", fullmatch=True), min_size=1, unique=True
    ),
    port=st.integers(1, 65535),
)
def test_logins_go_to_the_names_they_are_for(shell: Shell, names: list[str], port: int) -> None:
    shell.run(ssh_argv("clust1", dict.fromkeys(names, port), 60))
    have = [call[-4:] for call in shell.called]
    assert sorted(have) == sorted(["-p", str(port), f"root@{name}", "true"] for name in names)


@given(host=ODD, user=ODD, sudo=st.booleans())
@example(host="-oProxyCommand=touch x", user="root", sudo=False)
def test_ssh_takes_no_host_for_an_option(host: str, user: str, sudo: bool) -> None:
    for asked in (host, f"{user}@{host}"):
        assume("[" not in asked)  # the next one
        *options, separator, name, remote = command(asked, Options(sudo=sudo))
        assert separator == "--"
        assert name in asked
        assert "--" not in options[options.index("-T") :] or "-l" in options
        became = ["sudo", "-n"] if sudo else []
        assert shlex.split(remote) == [*became, "python3", "-c", BOOTSTRAP]


@pytest.mark.parametrize("host", ["[fe80::1", "root@[", "@[@0"])
def test_a_bracket_that_is_not_closed_is_no_host(host: str) -> None:
    with pytest.raises(TargetRefused, match=r"is no \[user@\]name"):
        command(host, Options())


@given(words=st.lists(ODD, min_size=1, max_size=4))
def test_the_agent_hands_words_to_no_shell(words: list[str]) -> None:
    said = agent.run(["printf", "%s\\0", *words], 20)
    assert said["rc"] == 0
    assert said["out"].split("\0")[:-1] == words


@RELAXED
@given(words=st.lists(ODD, min_size=1, max_size=4))
def test_a_command_for_a_lab_node_arrives_as_it_was_given(shell: Shell, words: list[str]) -> None:
    shell.run(["sh", "-c", *shell_text(["touch", *words])])
    assert shell.called == [["touch", *words]]
    assert shell.untouched
