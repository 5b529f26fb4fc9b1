"""The connector over an ``ssh`` that runs its commands right here, and writes down its options."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import ConnectError

from gntverify.deadline import scaled
from gntverify.errors import DeadlinePassed, Unreachable
from gntverify.site import load_site
from provision.cluster import cluster
from provision.connector import OpenSshConnector, boot_limit
from provision.engine import StepFailed, be_quiet, run_section
from provision.inventory import make_inventory, new_state
from provision.notes import SECTIONS
from provision.notes._facts import REBOOT_MARKER, FileText
from provision.notes._operations import REPAIR, commands, deploy, packages, text_file
from provision.section import Change, Context, Section, Stage

ROOM = Path(__file__).parents[2]
SSH = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in *-MNf*) [ ! -e {down} ] || {{ echo "Host key verification failed." >&2; exit 255; }}
    exit 0;; *"-O exit"*) exit 0;; esac
for last; do :; done
exec sh -c "exec env $last"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose ``ssh`` comes first; ``down`` in it makes every host unreachable."""
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(log=tmp_path / "log", down=tmp_path / "down"))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    be_quiet()
    return tmp_path


@pytest.fixture
def context(place: Path) -> Iterator[Context]:
    site = load_site(ROOM / "sites" / "lab2.toml")
    inventory = make_inventory(site, OpenSshConnector, ssh_directory=place)
    new_state(inventory)
    for host in inventory:
        host.connect(raise_exceptions=True)
    yield Context(site, inventory, site.nodes[0].name)
    for host in inventory:
        host.disconnect()


def section(*functions: Any) -> Section:
    stages = tuple(Stage("master", deploy("A Section")(function)) for function in functions)
    return Section("key", "A Section", "", "", "", stages)


def run(context: Context, text: str, **arguments: Any) -> tuple[bool, str]:
    host = context.inventory.get_host("node1.gnt.example")
    good, output = host.run_shell_command(StringCommand(text), **arguments)
    return good, output.output


def test_unknown_host_keys_are_refused_and_nothing_is_asked(context: Context, place: Path) -> None:
    run(context, "true")
    for line in (place / "log").read_text().splitlines():
        assert "-oStrictHostKeyChecking=yes" in line
        assert "-oBatchMode=yes" in line
        assert "-oConnectTimeout=" in line


def test_output_and_status_come_back(context: Context) -> None:
    assert run(context, "printf 'a\\n\\nb'; echo c >&2") == (True, "a\n\nb\nc")
    assert run(context, "exit 3") == (False, "")
    assert run(context, "exit 3", _success_exit_codes=[3]) == (True, "")


def test_a_command_ends_at_its_limit(context: Context) -> None:
    good, output = run(context, "exec sleep 20", _timeout=1)
    assert not good
    assert "ended after 1 s" in output


def test_files_go_and_come_whole(context: Context, place: Path) -> None:
    host = context.inventory.get_host("node1.gnt.example")
    target = place / "a file"
    assert host.put_file(io.BytesIO(b"\x00one\n"), str(target))
    assert target.read_bytes() == b"\x00one\n"
    back = io.BytesIO()
    assert host.get_file(str(target), back)
    assert back.getvalue() == b"\x00one\n"
    assert not host.put_file(io.BytesIO(b""), str(place / "no" / "where"))


def test_a_refused_key_is_told_in_sshs_words(place: Path) -> None:
    (place / "down").touch()
    site = load_site(ROOM / "sites" / "lab2.toml")
    inventory = make_inventory(site, OpenSshConnector, ssh_directory=place)
    new_state(inventory)
    with pytest.raises(ConnectError, match=r"'node2.gnt.example'.*Host key verification failed"):
        inventory.get_host("node2.gnt.example").connect(raise_exceptions=True)


def test_a_second_run_changes_nothing(context: Context, place: Path) -> None:
    path = str(place / "it's a file")

    def write(_context: Context, _node: Any) -> None:
        text_file(path, "one 'two' $HOME\n", mode="640", name="The file is there")

    plan = run_section(section(write), context, dry=True)
    assert [change.step for change in plan.changes] == ["A Section: The file is there"]
    assert not Path(path).exists()
    first = run_section(section(write), context, dry=False)
    assert Path(path).read_text() == "one 'two' $HOME\n"
    assert Path(path).stat().st_mode & 0o777 == 0o640
    second = run_section(section(write), context, dry=False)
    assert (len(first.changes), len(second.changes)) == (1, 0)
    assert second.operations["node1.gnt.example"] == 1


def test_a_failed_step_names_node_step_command_and_output(context: Context, place: Path) -> None:
    def fail(_context: Context, _node: Any) -> None:
        commands("echo before; ls /no/such/place", name="It cannot work")
        commands(f"touch {place}/after", name="It is never reached")

    with pytest.raises(StepFailed) as caught:
        run_section(section(fail), context, dry=False)
    text = str(caught.value)
    for part in (
        "Step failed on 'node1.gnt.example'",
        "step:    A Section: It cannot work",
        "command: echo before; ls /no/such/place",
        "status:  2",
        "    before",
        "cannot access '/no/such/place'",
    ):
        assert part in text
    assert not (place / "after").exists()


def test_a_question_without_an_answer_is_a_failure_too(context: Context) -> None:
    def ask(_context: Context, _node: Any) -> None:
        commands(*(context.ask("node1.gnt.example", FileText, path="/root/.") or ""))

    with pytest.raises(StepFailed, match=r"reading the node's state(.|\n)*Is a directory"):
        run_section(section(ask), context, dry=False)


def program(place: Path, name: str, text: str) -> None:
    file = place / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def connector(context: Context) -> OpenSshConnector:
    found = context.inventory.get_host("node1.gnt.example").connector
    assert isinstance(found, OpenSshConnector)
    return found


def test_a_reboot_that_does_not_come_tells_what_its_command_said(
    context: Context, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.connector.boot_limit", lambda: 0.0)
    program(place, "systemctl", "echo 'Access denied' >&2; exit 4")
    with pytest.raises(
        DeadlinePassed, match=r"still the old boot.*status 4 .*said: Access denied"
    ):
        connector(context).reboot()


def test_no_reboot_without_a_boot_id_to_compare_with(context: Context, place: Path) -> None:
    program(place, "cat", "exit 1")
    program(place, "systemctl", f"touch {place}/rebooted")
    with pytest.raises(Unreachable, match=r"'node1\.gnt\.example' did not tell its boot id"):
        connector(context).reboot()
    assert not (place / "rebooted").exists()


@pytest.mark.parametrize(("factor", "seconds"), [("1", 600.0), ("6", 1080.0)])
def test_firmware_has_its_time_and_emulation_does_not_lengthen_it(
    monkeypatch: pytest.MonkeyPatch, factor: str, seconds: float
) -> None:
    monkeypatch.setenv("GNTVERIFY_TIME_FACTOR", factor)
    assert scaled(boot_limit()) == pytest.approx(seconds)


def test_dpkg_goes_on_where_it_was_interrupted(context: Context, place: Path) -> None:
    def install(_context: Context, _node: Any) -> None:
        packages(["one", "two"], recommends=False, name="They are there")

    program(place, "dpkg-query", "echo 'ii  one'; echo 'ii  two'")
    assert run_section(section(install), context, dry=True).changes == []
    program(place, "dpkg-query", "echo 'ii  one'; echo 'iF  two'")
    (change,) = run_section(section(install), context, dry=True).changes
    assert change.commands[0] == REPAIR
    assert change.commands[-1].endswith(" install --no-install-recommends two")


def test_a_dry_run_plans_the_reboot_that_its_steps_would_ask_for(
    context: Context, place: Path
) -> None:
    path = str(place / "worth a reboot")
    section5 = next(section for section in SECTIONS if section.key == "reboot")

    def write(_context: Context, _node: Any) -> None:
        text_file(path, "new\n", reboot=True, name="The file is there")

    assert run_section(section5, context, dry=True).changes == []
    run_section(section(write), context, dry=True)
    changes = run_section(section5, context, dry=True).changes
    assert [(change.node, change.commands) for change in changes] == [
        ("node1.gnt.example", ("systemctl reboot",))
    ]


def test_a_member_is_not_rebooted_in_a_plan_either(
    context: Context, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cluster(place, monkeypatch, "clust1.gnt.example")
    section5 = next(section for section in SECTIONS if section.key == "reboot")
    touched = Change("node1.gnt.example", "A step", (f"touch {REBOOT_MARKER}",))
    context.planned.append(touched)
    assert run_section(section5, context, dry=True).changes == []


@pytest.mark.parametrize("option", ["--only", "--from"])
def test_another_cluster_is_refused_before_any_section(
    place: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    in_cluster(place, monkeypatch, "old.gnt.example")
    arguments = ["--site", str(ROOM / "sites" / "lab2.toml"), option, "sysctl"]
    result = CliRunner().invoke(cluster, arguments)
    assert result.exit_code == 4
    assert "'node1.gnt.example' is in cluster 'old.gnt.example'" in result.output
    assert "kernel parameters" not in result.output


def in_cluster(place: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """This machine's ssconf files are of that cluster."""
    monkeypatch.setattr("provision.notes._ganeti.SSCONF", str(place / "ssconf"))
    for key, text in (("cluster_name", name), ("master_node", "node1.gnt.example")):
        (place / f"ssconf_{key}").write_text(f"{text}\n")
    (place / "ssconf_node_list").write_text("node1.gnt.example\n")
