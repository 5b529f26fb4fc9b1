"""Truth under trouble: what could not be told is unknown, never a pass and never a fail.

Each trouble is made on a host of our own, a real sshd with file systems of its own, and real
controls judge it in a real run of pytest. What a node's programs answer is in scripts that come
first in its PATH; a good answer is the lab's, or as short as the program's own can be.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import pytest

from gntverify.catalogue import load_controls
from gntverify.transport.replay import Replay
from selftest import nodes

if TYPE_CHECKING:
    from selftest.sshd import Sshd

ROOT = Path(__file__).parents[1]
RUN_LIMIT_S = 180
PAIR = {"n1.gnt.example": "192.0.2.1", "n2.gnt.example": "192.0.2.2"}
ALONE = {"n1.gnt.example": "192.0.2.1"}
TESTS = {one.control.id: one.function for one in load_controls()}
SHORT = """
from gntverify.transport import session

put = session.Session._put
session.Session._put = lambda self, argv, limit_s: put(self, argv, min(limit_s, 2.0))
session.GRACE_S = 3.0
"""
"""A plugin of pytest: no command may take longer than two seconds, whatever its own limit."""
FULL = (
    "for d in /tmp /var/tmp /dev/shm $HOME; do mount -t tmpfs -o size=4k,mode=1777 full $d; "
    "head -c 4096 /dev/zero > $d/all; done\n"
    "! echo x 2>/dev/null > /tmp/more && ! echo x 2>/dev/null > $HOME/more || exit 1\n"
)
READ_ONLY = (
    "mount --bind / / && mount -o remount,ro,bind / || exit 1\n"
    "! touch /root/more 2>/dev/null || exit 1\n"
)
VERIFIED = (
    "Wed Nov 25 02:45:24 2026 * Verifying cluster config\n"
    "Wed Nov 25 02:45:34 2026 * Verifying group 'default'\n"
)
WELL = {
    "locale": "printf 'C\\nen_US.utf8\\n'",
    "timedatectl": "printf 'Timezone=UTC\\nNTPSynchronized=yes\\n'",
}


@dataclass(frozen=True)
class Told:
    """What a run told: its exit status, its output, and the verdicts as they fell."""

    status: int
    out: str
    verdicts: tuple[dict[str, str], ...]

    def of(self, *controls: str) -> list[tuple[str, str, str]]:
        """Control, node and outcome of these controls; without any, of the events."""
        wanted = controls or ("",)
        return [
            (v["control"], v["node"].split(".")[0], v["outcome"])
            for v in self.verdicts
            if v["control"] in wanted
        ]

    def messages(self, *controls: str) -> list[str]:
        """What is said of them."""
        wanted = controls or ("",)
        return [v["message"] for v in self.verdicts if v["control"] in wanted]


class Hosts:
    """Hosts of one test module, started when they are first needed."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home = home
        self._stack = stack
        self.servers: dict[str, Sshd] = {}
        self._runs = 0

    def start(
        self,
        name: str,
        alias: str = "n1",
        members: Mapping[str, str] = ALONE,
        prepare: str = "",
        become: str = "",
    ) -> None:
        """The member of a cluster that ``--hosts`` calls ``alias``, with programs of its own."""
        programs = self.home / f"{name}-programs"
        programs.mkdir()
        programs.chmod(0o755)
        first = f"mount --bind {programs} /usr/local/sbin || exit 1\n"
        member = f"{alias}.gnt.example"
        files = nodes.ssconf(member, members, "c1.gnt.example", "n1.gnt.example")
        self.servers[name] = self._stack.enter_context(
            nodes.host(self.home / name, alias, files, become=become, prepare=first + prepare)
        )

    def programs(self, name: str, scripts: Mapping[str, str]) -> None:
        """From now on the host's PATH begins with exactly these shell scripts."""
        directory = self.home / f"{name}-programs"
        for old in directory.iterdir():
            old.unlink()
        for program, script in scripts.items():
            (directory / program).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (directory / program).chmod(0o755)

    def run(
        self,
        names: str,
        *what: str,
        options: tuple[str, ...] = ("-p", "short_limits"),
    ) -> Told:
        """``pytest`` on these hosts: controls by id, or folders of the suites."""
        servers = [self.servers[name] for name in names.split(",")]
        hosts = ",".join(server.name for server in servers)
        self._runs += 1
        place = self.home / f"run{self._runs}"
        place.mkdir()
        (place / "ssh_config").write_text("".join(server.config.read_text() for server in servers))
        (place / "short_limits.py").write_text(SHORT)
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
        argv += [f"--hosts={hosts}", f"--ssh-config={place}/ssh_config", f"--out={place}/out"]
        argv += [*options, *(_node_id(one) if one in TESTS else one for one in what)]
        paths = {"PYTHONPATH": str(place), "XDG_CACHE_HOME": str(place / "cache")}
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env=os.environ | paths,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
        )
        streams = sorted((place / "out").glob("*/verdicts.jsonl"))
        lines = [line for stream in streams for line in stream.read_text().splitlines()]
        verdicts = tuple(json.loads(line) for line in lines)
        return Told(done.returncode, done.stdout + done.stderr, verdicts)


def _node_id(control: str) -> str:
    function = TESTS[control]
    return f"{function.__code__.co_filename}::{function.__name__}"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A cluster of one, and a cluster of two."""
    with ExitStack() as stack:
        made = Hosts(tmp_path_factory.mktemp("trouble"), stack)
        made.start("solo")
        made.start("first", members=PAIR)
        made.start("second", "n2", PAIR)
        yield made


def recorded(command: str) -> str:
    """Shell text that prints what the lab's master answered."""
    recording = Replay.load(ROOT / "selftest" / "recordings" / "good" / "node1.jsonl")
    (text,) = [one.stdout for one in recording.answers if one.command == command]
    return f"printf %s {quote(text)}"


# -- gnt-* -----------------------------------------------------------------------------------


def test_a_good_answer_is_a_pass(hosts: Hosts) -> None:
    hosts.programs("solo", WELL | {"gnt-cluster": recorded("gnt-cluster verify --error-codes")})
    told = hosts.run("solo", "C04", "C05", "N13")
    assert told.status == 0, told.out
    assert {outcome for _, _, outcome in told.of("C04", "C05", "N13")} == {"pass"}


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (f"printf %s {quote(VERIFIED)}; kill -9 $$", "ended with status -9"),
        (f"printf %s {quote(VERIFIED)}; yes | head -c 9000000", "its output was cut"),
        ("echo 'Ganeti 4: 2 nodes checked, all is well'", "printed what was not understood"),
        (
            f"printf %s {quote(VERIFIED)}; "
            "echo 'Wed Nov 25 02:45:34 2026   - FATAL:ENODEHV:node:n1:no kvm'",
            "printed what was not understood; seen: 'Wed Nov 25 02:45:34 2026   - FATAL",
        ),
    ],
    ids=["is killed", "floods", "of the future", "a level of the future"],
)
def test_a_verification_that_tells_nothing_is_unknown(
    hosts: Hosts, script: str, sentence: str
) -> None:
    hosts.programs("solo", WELL | {"gnt-cluster": script})
    told = hosts.run("solo", "C04", "C05", "N13")
    assert told.status == 6, told.out
    assert {outcome for _, _, outcome in told.of("C04", "C05")} == {"unknown"}
    assert told.of("N13") == [("N13", "n1", "pass")]
    assert all(sentence in message for message in told.messages("C04", "C05")), told.out
    assert sentence in told.out


def test_a_ganeti_that_hangs_leaves_the_rest_to_be_told(hosts: Hosts) -> None:
    commands = ("gnt-cluster", "gnt-node", "gnt-instance", "gnt-os")
    hangs = f"printf %s {quote(VERIFIED)}; exec sleep 92.5"  # as a good one begins
    hosts.programs("solo", WELL | dict.fromkeys(commands, hangs))
    asking = ("C01", "C04", "C05", "D01", "D04", "D05", "N05", "O01", "O02")
    told = hosts.run("solo", *asking, "N12", "N13")
    assert told.status == 6, told.out
    assert {outcome for _, _, outcome in told.of(*asking)} == {"unknown"}
    assert len(told.of(*asking)) == len(asking)
    assert all("was ended after 2 s" in message for message in told.messages(*asking))
    assert {outcome for _, _, outcome in told.of("N12", "N13")} == {"pass"}
    left = subprocess.run(["/usr/bin/pgrep", "-f", "^sleep 92.5$"], capture_output=True, timeout=5)
    assert left.stdout == b""


# -- the node's own programs -----------------------------------------------------------------


FUTURE = {
    "findmnt": ("""echo '{"filesystems": {"/": {"fstype": "ext4"}}}'""", ("N01", "N04")),
    "swapon": ("printf 'NAME SIZE\\n/dev/sda2 1G\\n'", ("N03",)),
    "locale": ('echo \'["C", "en_US.utf8"]\'', ("N12",)),
    "timedatectl": ("echo TimeZone: UTC", ("N13", "N14")),
    "sysctl": ("echo 'net.ipv4.ip_forward: 1'", ("K02", "K11")),
    "dpkg-query": ("printf 'Package: ganeti\\nVersion: 9\\n'", ("N10",)),
    "getent": ("echo 192.0.2.100", ("N16", "N17")),
    "systemctl": ("echo 'Failed to connect to bus: Host is down' >&2; exit 1", ("C09",)),
    "ip": ("""echo '{"version": 7, "links": []}'""", ("C02", "W01", "W02", "W04", "W07")),
}
"""Program to what it prints in a version to come (or on a node that is not well), and who asks."""


def test_tools_of_the_future_are_unknown(hosts: Hosts) -> None:
    more = {program: script for program, (script, _) in FUTURE.items()}
    hosts.programs("solo", more | {"hostname": "echo n1.gnt.example"})
    controls = sorted(control for _, asking in FUTURE.values() for control in asking)
    told = hosts.run("solo", *controls)
    assert told.status == 6, told.out
    assert sorted({control for control, _, _ in told.of(*controls)}) == controls
    assert {outcome for _, _, outcome in told.of(*controls)} == {"unknown"}, told.out
    for program, (_, asking) in FUTURE.items():
        assert all(program in message for message in told.messages(*asking)), told.out


# -- hosts that go away, or never come -------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        ("kill -9", "Host 'n2' was lost in the middle of the run."),
        ("kill -STOP", "Host 'n2' stopped answering."),
    ],
)
def test_a_host_that_goes_away_is_one_event(
    hosts: Hosts, tmp_path: Path, deed: str, sentence: str
) -> None:
    agent = tmp_path / "agent"
    hosts.programs("first", WELL)
    hosts.programs(
        "second", WELL | {"locale": f"echo $PPID > {agent}; {deed} $PPID; exec sleep 5"}
    )
    try:
        told = hosts.run("first,second", "N12", "N13", "N14", "N15", "N16")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(agent.read_text()), signal.SIGKILL)
    assert told.of() == [("", "n2", "unknown")], told.out
    assert told.messages() == [sentence]
    assert told.of("N12", "N13") == [("N12", "n1", "pass"), ("N13", "n1", "pass")]
    both = told.of("N14", "N16")
    assert {outcome for _, _, outcome in both} == {"unknown"}
    assert len(both) == 2
    assert told.messages("N14", "N16") == [sentence, sentence]
    assert [v for v in told.verdicts if v["node"].startswith("n2.")] == []


@pytest.mark.parametrize(
    ("name", "prepare", "options", "sentence"),
    [
        ("bare", "PATH=/nonexistent", (), "Host 'n2' has no python3, which the agent needs"),
        (
            "sudoless",
            "PATH=/nonexistent",
            ("--sudo",),
            "Host 'n2' does not let us use sudo; log in as root, or allow `sudo -n`",
        ),
        ("asks", "", ("--sudo",), "Host 'n2' wants a password for sudo; allow `sudo -n`"),
    ],
    ids=["no python", "no sudo", "sudo refused"],
)
def test_a_host_that_cannot_be_asked_is_one_event(
    hosts: Hosts, name: str, prepare: str, options: tuple[str, ...], sentence: str
) -> None:
    if options and (os.geteuid() != 0 or not shutil.which("sudo")):
        pytest.skip("only root can be somebody else, and sudo must be here")
    become = nodes.NOBODY if name == "asks" else ""
    hosts.start(name, "n2", PAIR, prepare=prepare, become=become)
    hosts.programs("first", WELL)
    told = hosts.run(f"first,{name}", "N12", "N13", options=options)
    assert told.status == 6, told.out
    assert told.of() == [("", "n2", "unknown")]
    assert sentence in told.messages()[0]
    assert told.of("N12", "N13") == [("N12", "n1", "pass"), ("N13", "n1", "pass")]
    alone = hosts.run(name, "N12", "N13", options=options)
    assert (alone.status, alone.verdicts) == (4, ())
    assert sentence in alone.out


# -- disks -----------------------------------------------------------------------------------


GOOD = WELL | {"gnt-cluster": recorded("gnt-cluster verify --error-codes")}
SUITES = ("tests/node", "tests/cluster")


@pytest.fixture(scope="module")
def roomy(hosts: Hosts) -> Told:
    """What all controls of nodes and cluster say of a host whose disks have room."""
    hosts.programs("solo", GOOD)
    return hosts.run("solo", *SUITES, options=())


@pytest.mark.parametrize(("name", "trouble"), [("full", FULL), ("frozen", READ_ONLY)])
def test_a_disk_without_room_changes_no_verdict(
    hosts: Hosts, roomy: Told, name: str, trouble: str
) -> None:
    """The agent lives in memory: it needs no room in /tmp or at home, and no disk to write on."""
    hosts.start(name, prepare=trouble)
    hosts.programs(name, GOOD)
    told = hosts.run(name, *SUITES, options=())
    ids = sorted({verdict["control"] for verdict in roomy.verdicts})
    assert len(ids) > 40
    assert told.of(*ids) == roomy.of(*ids)
    assert told.messages("C01", "C04", "N15", "O01") == roomy.messages("C01", "C04", "N15", "O01")
