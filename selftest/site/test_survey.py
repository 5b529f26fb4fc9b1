"""A first site file, from the recording of a good cluster and from damaged ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gntverify.catalogue import load_controls
from gntverify.cli import main
from gntverify.errors import SiteError
from gntverify.evidence import Answer
from gntverify.facts.system import OWNERS
from gntverify.scan import RUNNER
from gntverify.site import Site, default_site, load_site
from gntverify.site.differences import leaves, shown_key
from gntverify.site.load import parse_site
from gntverify.site.survey import survey
from gntverify.site.write import Line, text_of
from gntverify.target import recorded
from gntverify.transport.replay import Replay

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "selftest" / "recordings" / "good"
LAB = ROOT / "selftest" / "recordings" / "good.toml"
"""The lab's own site, as it was when the recording was made."""
PACKAGES = {
    "debootstrap": "ganeti-instance-debootstrap",
    "gntverify-probe": "gntverify-probe",
    "noop": "ganeti-os-noop",
}
NOT_SEEN = {"name", "time.servers"}
"""What a person has to say: the lab's file has it, and no node was asked."""
WISHES = {"instances", "backup", "hardware", "limits", "verify", "drills", "allow", "waivers"}
"""Tables that say what somebody wants, which no cluster tells."""

Change = Callable[[Answer], Answer]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """For a changed recording."""
    return tmp_path / "recording"


def owner(host: str, name: str) -> Answer:
    """Which package brought an OS definition."""
    path = f"/usr/share/ganeti/os/{name}"
    return Answer(host, (*OWNERS, path), 0, f"{PACKAGES[name]}: {path}\n", "", 1.0, 0.1)


def surveyed(
    home: Path, change: Change = lambda answer: answer, profile: str = "notes"
) -> list[Line]:
    """The lines for the good cluster, every answer of its nodes changed."""
    home.mkdir()
    for path in GOOD.glob("*.jsonl"):
        answers = Replay.load(path).answers
        if path.stem != RUNNER:
            answers = [
                change(one) for one in [*answers, *(owner(path.stem, os) for os in PACKAGES)]
            ]
        Replay(path.stem, answers).save(home / path.name)
    return survey(default_site(profile), recorded(home, None).cluster)


def todos(lines: list[Line]) -> dict[str, str]:
    """Key to reason, of what is left to a person."""
    return {shown_key(line.path): line.remark for line in lines if line.todo and line.remark}


def loaded(lines: list[Line]) -> Site:
    """The site that such a file describes."""
    return parse_site(text_of(lines), Path("made.toml"))


def on(node: str, command: str, find: str, put: str) -> Change:
    """A change of what one node answers."""

    def change(answer: Answer) -> Answer:
        meant = answer.host == node and command in answer.command
        return replace(answer, stdout=answer.stdout.replace(find, put)) if meant else answer

    return change


def test_it_is_the_labs_own_site(home: Path) -> None:
    """A new key of the site that the lab's file sets is surveyed, or named above."""
    have = dict(leaves(loaded(surveyed(home)).model_dump(mode="json")))
    want = dict(leaves(load_site(LAB).model_dump(mode="json")))
    seen = [key for key in want if key[0] not in WISHES]
    differing = {shown_key(key) for key in seen if have.get(key) != want[key]}
    assert differing == NOT_SEEN


@pytest.mark.parametrize("profile", ["notes", "hardened"])
def test_the_cluster_is_green_by_its_own_file(home: Path, tmp_path: Path, profile: str) -> None:
    lines = surveyed(home, asked_for(profile), profile)
    (tmp_path / "made.toml").write_text(text_of(lines))
    target = recorded(home, tmp_path / "made.toml")
    red = {
        (one.control.id, node.short if node else ""): message
        for one in load_controls()
        for node, outcome, message in one.judge(target)
        if outcome not in ("pass", "not-applicable")
    }
    assert red == {}


def asked_for(profile: str) -> Change:
    """Kernel parameters as a site of that profile asks for them: a node of the notes answers."""
    wanted = default_site(profile).sysctl
    set_ = {"net.ipv4.conf.default." + key: 1 for key in ("accept_redirects", "send_redirects")}
    # systemd's own file sets the last one
    at_boot = default_site("notes").sysctl | {"net.ipv4.conf.default.accept_source_route": 0}
    have = dict.fromkeys(wanted, 0) | set_ | at_boot
    text = "".join(f"{key} = {have[key]}\n" for key in wanted)

    def change(answer: Answer) -> Answer:
        if answer.argv[0] == "sysctl" and answer.argv[1] != "--all":
            return replace(answer, argv=("sysctl", *wanted), stdout=text)
        if "/etc/sysctl.d/" in answer.command:
            files = "".join(f"| {key} = {value}\n" for key, value in at_boot.items())
            return replace(answer, stdout=f"> /etc/sysctl.d/99-sysctl.conf\n{files}")
        return answer

    return change


def test_what_differs_from_the_profile_has_its_word_beside_it(home: Path) -> None:
    lines = {shown_key(line.path): line for line in surveyed(home, profile="hardened")}
    assert str(lines["daemons.rapi"]) == "rapi = \"cluster\"  # profile 'hardened': loopback"
    assert str(lines["daemons.noded"]) == 'noded = "private"'


def test_a_parameter_that_nothing_sets_at_boot_was_nobodys_decision(home: Path) -> None:
    lines = surveyed(home, asked_for("hardened"), "hardened")
    said = {line.path[1]: line for line in lines if line.path[0] == "sysctl"}
    assert said["net.ipv4.conf.all.rp_filter"].value == 0
    assert str(said["net.ipv4.conf.default.accept_redirects"]) == (
        '"net.ipv4.conf.default.accept_redirects" = "any"  # profile \'hardened\': 0'
    )
    site = loaded(lines)
    assert "net.ipv4.conf.default.accept_redirects" not in site.parameters
    assert site.parameters["net.ipv4.conf.all.rp_filter"] == 0


def test_what_nobody_asks_is_left_to_a_person(home: Path) -> None:
    assert todos(surveyed(home)).keys() == {
        "time.servers",
        "security.public_tcp_ports",
        "kvm.wrapper",
    }


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        (on("node2", "swapon", "/dev/sdb2", "/dev/sdc2"), "storage.swaps", "the nodes differ"),
        (on("node2", "default/ganeti", "192.168.0.2", "10.0.0.9"), "daemons.noded", "10.0.0.9"),
        (on("node3", "locale -a", "en_US.utf8", "de_DE.utf8"), "time.locale", "has no en_US"),
        (on("node1", "gnt-os", "OS: noop", "OS noop"), "os", "not understood"),
        (on("node3", "dpkg-query --search", "ganeti-os-noop", "mine"), "os.2.source", "no Debian"),
        (on("node2", "sysctl net", "tcp_syncookies = 1", "tcp_syncookies = 0"),
         "net.ipv4.tcp_syncookies", "the nodes differ: node2: 0; node1, node3: 1"),
        (on("node1", "gnt-cluster info", "candidate pool size: 10", "candidate pool size: 0"),
         "cluster.candidate_pool_size", "greater than or equal to 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_told_is_marked(home: Path, change: Change, key: str, reason: str) -> None:
    lines = surveyed(home, change)
    assert reason in todos(lines)[key]
    loaded(lines)


def test_a_bridge_with_stp_is_described_as_it_is(home: Path) -> None:
    def change(answer: Answer) -> Answer:
        stp = answer.stdout.replace('"stp_state":0', '"stp_state":1')
        return replace(answer, stdout=stp.replace('"forward_delay":0', '"forward_delay":1500'))

    private = loaded(surveyed(home, change)).network.private
    assert (private.stp, private.forward_delay_s) == (True, 15)


def test_packages_that_are_missing_are_not_asked_for(home: Path) -> None:
    lines = surveyed(home, on("node2", "dpkg-query --show", "fping\t", "xping\t"))
    (line,) = [line for line in lines if line.path == ("packages", "network")]
    assert "fping" not in line.value
    assert "fping" in line.remark


def test_a_cluster_that_contradicts_itself_makes_no_site(home: Path) -> None:
    change = on("node1", "ssconf", "192.168.0.3", "192.168.0.2")
    with pytest.raises(SiteError, match="What the cluster says of itself makes no site"):
        surveyed(home, change)


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("name = 'mine'")
    done = CliRunner().invoke(main, ["site", "init", "--hosts=no-such.invalid", str(path)])
    assert done.exit_code == 4
    assert "exists; name another file, or add --force." in done.output
    assert path.read_text() == "name = 'mine'"


def test_a_profile_that_is_not_there_is_refused_before_any_host_is_asked() -> None:
    done = CliRunner().invoke(main, ["site", "init", "--hosts=no-such.invalid", "--profile=lax"])
    assert done.exit_code == 4
    assert "'lax' is no profile" in done.output


def test_the_schema_and_the_disagreement_are_printed() -> None:
    printed = CliRunner().invoke(main, ["site", "schema"])
    assert printed.output.startswith('{\n "$schema"')
    told = CliRunner().invoke(main, ["site", "diff", str(LAB)])
    assert "net.ipv4.conf.all.rp_filter: hardened 1, notes 0, here 0" in told.output
