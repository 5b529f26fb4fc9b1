"""A node's way into the cluster: whose it is, which keys it has, which daemons it runs."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gntverify.errors import TargetRefused
from gntverify.site import Site, load_site
from provision.notes._facts import FileText
from provision.notes._ganeti import (
    DaemonFacts,
    Daemons,
    Membership,
    RunningDaemon,
    find_master,
    start,
    start_commands,
)
from provision.notes.s13_nodes import authorize, key_of, same_host_key
from provision.notes.s14_binds import DEFAULTS, restarts, started
from provision.section import Change, Context

NODE1, NODE2, NODE3 = NODES = [f"node{number}.gnt.example" for number in (1, 2, 3)]
OURS = "clust1.gnt.example"
NOBODY = dict.fromkeys(NODES, Membership())
RAPI = "-b 192.168.1.1 --require-authentication"
TEXT = f'NODED_ARGS="-b 192.168.0.1"\nRAPI_ARGS="{RAPI}"\nMOND_ARGS=""\nCONFD_ARGS="-b $IP"\n'
WANT = {
    "noded": "192.168.0.1",
    "rapi": "192.168.1.1",
    "mond": "0.0.0.0",  # noqa: S104 - the word for "no -b"
    "confd": "192.168.0.1",
}


@dataclass(frozen=True, slots=True)
class Answers(Context):
    """A context whose nodes have these files, and no others."""

    files: dict[tuple[str, str], str] = field(default_factory=dict)

    def ask(self, name: str, fact: Any, **arguments: Any) -> Any:
        """The file's text, None without one."""
        assert fact is FileText
        return self.files.get((name, arguments["path"]))


@pytest.fixture
def site() -> Site:
    return load_site(Path(__file__).parents[2] / "sites" / "lab.toml")


@pytest.fixture
def context(site: Site) -> Answers:
    return Answers(site, None, NODE1)  # type: ignore[arg-type]  # it has no hosts to ask


def sh(text: str, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": f"{path}:/usr/bin:/bin"}
    argv = ["/bin/sh", "-c", text]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, env=env)


def test_the_first_node_is_the_master_only_where_no_cluster_is(site: Site) -> None:
    assert find_master(site, NOBODY) == NODE1
    assert find_master(site, {**NOBODY, NODE3: Membership(OURS, NODE3)}) == NODE3
    views = {NODE1: Membership(OURS, NODE2), NODE2: Membership(OURS, NODE2)}
    assert find_master(site, {**NOBODY, **views}) == NODE2


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ({NODE3: Membership("old.gnt.example", NODE3)}, r"'node3.*' is in cluster 'old\.gnt\."),
        (
            {name: Membership(OURS, NODE3 if name == NODE3 else NODE1) for name in NODES},
            r"disagree .* on 'node1\S+' it is 'node1\S+', .* on 'node3\S+' it is 'node3\S+'\.",
        ),
        ({NODE2: Membership(OURS, "node9.gnt.example")}, r"'node9\.gnt\.example' as the master"),
        (
            {NODE2: Membership(OURS, NODE1), NODE3: Membership(OURS, NODE1)},
            r"'node1.*' itself is in no cluster.*`gnt-cluster master-failover`",
        ),
    ],
)
def test_a_rival_cluster_is_refused(site: Site, views: dict[str, Membership], words: str) -> None:
    with pytest.raises(TargetRefused, match=words):
        find_master(site, {**NOBODY, **views})


def test_a_key_that_is_not_there_is_shown_by_a_word_only_where_init_is_planned(
    context: Answers,
) -> None:
    context.files[NODE2, "/k"] = "ssh-rsa AAAA root@node2\n"
    assert key_of(context, NODE2, "/k") == "ssh-rsa AAAA root@node2"
    with pytest.raises(TargetRefused, match=r"'node1\.gnt\.example' has no /k"):
        key_of(context, NODE1, "/k")
    context.planned.append(Change(NODE1, "A step", ("gnt-cluster init clust1",)))
    assert key_of(context, NODE1, "/k") == "ssh-rsa KEY-OF-node1"


@pytest.mark.parametrize("before", ["", "ssh-rsa OLD", "ssh-rsa OLD\n"])
def test_a_key_gets_a_line_of_its_own(tmp_path: Path, before: str) -> None:
    file = tmp_path / "authorized_keys"
    file.write_text(before)
    line = authorize("ssh-rsa NEW it's", before, str(file))[-1]
    assert sh(line).returncode == 0
    assert file.read_text() == before.rstrip("\n") + "\n" * bool(before) + "ssh-rsa NEW it's\n"
    assert authorize("ssh-rsa NEW it's", file.read_text(), str(file)) == []


def test_a_node_that_shows_another_host_key_is_not_added(tmp_path: Path) -> None:
    scan = tmp_path / "ssh-keyscan"
    scan.write_text("#!/bin/sh\necho '# a banner' >&2\necho node2 ssh-rsa AAAA\n")
    scan.chmod(0o755)
    assert sh(same_host_key("node2", "ssh-rsa AAAA root@node2"), tmp_path).returncode == 0
    other = sh(same_host_key("node2", "ssh-rsa BBBB root@node2"), tmp_path)
    assert other.returncode == 1
    assert "node2 shows another RSA host key" in other.stderr
    scan.write_text("#!/bin/sh\nexit 1\n")
    assert sh(same_host_key("node2", "ssh-rsa AAAA"), tmp_path).returncode == 1


def test_daemons_are_read_with_their_arguments_and_without_the_dead() -> None:
    text = f"""\
ganeti-noded    /usr/bin/python3 /usr/sbin/ganeti-noded -b 192.168.0.1
ganeti-noded    [ganeti-noded] <defunct>
ganeti-rapi     /usr/bin/python3 /usr/sbin/ganeti-rapi {RAPI}
ganeti-mond     /usr/sbin/ganeti-mond
ganeti-noded
ganeti-rapi
"""
    have = DaemonFacts().process(text.splitlines())
    rapi = RunningDaemon("rapi", tuple(RAPI.split()))
    noded = RunningDaemon("noded", ("-b", "192.168.0.1"))
    assert have == Daemons((noded, rapi, RunningDaemon("mond", ())), ("noded", "rapi"))


def test_daemons_that_run_as_the_file_has_it_are_left_alone() -> None:
    running = (
        RunningDaemon("noded", ("-b", "192.168.0.1")),
        RunningDaemon("rapi", tuple(RAPI.split())),
        RunningDaemon("confd", ("-b", "192.168.0.1", "-d")),
        RunningDaemon("mond", ()),
        RunningDaemon("wconfd", ("-x",)),
    )
    assert restarts(TEXT, WANT, running) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rapi", ("-b", "192.168.1.1")),
        ("rapi", ("-b", "127.0.0.1", "--require-authentication")),
        ("confd", ("-b", "192.168.0.7")),
        ("mond", ("-b", "192.168.0.1")),
    ],
)
def test_daemons_with_other_arguments_are_restarted(name: str, words: tuple[str, ...]) -> None:
    (line,) = restarts(TEXT, WANT, (RunningDaemon(name, words), RunningDaemon(name, words)))
    assert f"stop ganeti-{name}; " in line
    assert line.endswith(f"; {start(name)}")


def test_daemons_of_the_role_that_do_not_run_are_started_rapi_last() -> None:
    names = ("noded", "confd", "wconfd", "rapi", "luxid", "kvmd")
    have = Daemons((RunningDaemon("noded", ()),), names)
    (confd,) = start_commands(have, is_master=False)
    assert confd == start("confd")
    lines = start_commands(have, is_master=True)
    places = [
        name in line for name, line in zip(("confd", "wconfd", "luxid"), lines, strict=False)
    ]
    assert (len(lines), places) == (4, [True, True, True])
    assert lines[-1].startswith("until /usr/lib/ganeti/daemon-util start ganeti-rapi; do")
    everything = Daemons(tuple(RunningDaemon(name, ()) for name in names), (*names, "mond"))
    (mond,) = start_commands(everything, is_master=True)
    assert mond == start("mond")


def test_a_dry_run_knows_which_daemons_init_and_add_would_start(
    context: Answers, site: Site
) -> None:
    assert started(context, site.nodes[0], DEFAULTS) is None
    context.planned.append(Change(NODE1, "A step", ("gnt-cluster init clust1",)))
    add = f"gnt-node add --no-ssh-key-check {NODE2} < /dev/null"
    context.planned.append(Change(NODE1, "A step", (add,)))
    first, second, third = (started(context, node, DEFAULTS) for node in site.nodes)
    assert first
    assert second
    assert third is None
    assert RunningDaemon("rapi", ("-b", "127.0.0.1", "--require-authentication")) in first.running
    assert start_commands(first, is_master=True) == []
    assert [daemon.name for daemon in second.running] == ["mond", "noded"]
    (line,) = start_commands(second, is_master=False)
    assert line == start("confd")
