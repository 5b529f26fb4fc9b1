"""Profiles: one inherits the other, and where they disagree both values are told."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from gntverify.catalogue import load_controls
from gntverify.errors import SiteError
from gntverify.evidence import Answer
from gntverify.site import default_site, load_site
from gntverify.site.differences import disagreements, leaves, profiles_on
from gntverify.site.load import PROFILES, merged, profiles, read_profile
from gntverify.target import Target, recorded
from gntverify.transport.replay import Replay
from selftest.site.sites import Table, overrides

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "selftest" / "recordings" / "good"
LAB = GOOD.with_suffix(".toml")
SYSCTLS = [one for one in load_controls() if one.control.id.startswith("K")]


@given(one=overrides(), two=overrides(), three=overrides())
def test_the_order_of_merging_does_not_matter(one: Table, two: Table, three: Table) -> None:
    assert merged(merged(one, two), three) == merged(one, merged(two, three))


@given(below=overrides(), above=overrides())
def test_what_stands_above_counts_and_nothing_is_lost(below: Table, above: Table) -> None:
    before = dict(leaves(below))
    joined = merged(below, above)
    assert dict(leaves(below)) == before
    assert dict(leaves(joined)) == {**before, **dict(leaves(above))}
    assert merged(joined, {}) == merged({}, joined) == merged(joined, above) == joined


@pytest.mark.parametrize("name", profiles())
def test_every_profile_is_whole(name: str) -> None:
    assert default_site(name).profile == name


def test_hardened_has_the_mechanics_of_notes() -> None:
    notes, hardened = default_site("notes"), default_site("hardened")
    for part in ("network", "storage", "packages", "drbd", "os", "cluster", "time", "kvm"):
        assert getattr(hardened, part) == getattr(notes, part)


def test_hardened_says_only_what_differs() -> None:
    own = tomllib.loads((PROFILES / "hardened.toml").read_text())
    assert own.pop("inherits") == "notes"
    notes = dict(leaves(read_profile("notes", "a test")))
    assert [path for path, value in leaves(own) if notes.get(path) == value] == []


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('profile = "lax"')
    with pytest.raises(SiteError, match="'lax' is no profile; there are 'hardened', 'notes'"):
        load_site(tmp_path / "mine.toml")


def test_the_disagreement_is_told_with_all_values() -> None:
    told = {one.key: one for one in disagreements(load_site(LAB))}
    assert str(told["net.ipv4.conf.all.send_redirects"]) == (
        "net.ipv4.conf.all.send_redirects: hardened 0, notes 1, here 1"
    )
    assert told["net.ipv4.conf.default.send_redirects"].profiles["notes"] is None
    assert "net.ipv4.ip_forward" not in told
    assert profiles_on("net.ipv4.ip_forward") == ""


# -- the same nodes, by either profile -------------------------------------------------------


@pytest.fixture
def hardened_site(tmp_path: Path) -> Path:
    """The lab's site with the profile ``hardened``."""
    path = tmp_path / "hardened.toml"
    path.write_text(LAB.read_text().replace('profile = "notes"', 'profile = "hardened"'))
    return path


def _as_hardened(answer: Answer) -> Answer:
    """What a node with the parameters of ``hardened`` would answer."""
    wanted = default_site("hardened").sysctl
    if answer.argv[:2] == ("sysctl", "--all"):
        lines = [line.partition(" = ") for line in answer.stdout.splitlines()]
        return replace(answer, stdout="".join(f"{_everywhere(*line)}\n" for line in lines))
    if answer.argv[0] == "sysctl":
        text = "".join(f"{key} = {value}\n" for key, value in wanted.items())
        return replace(answer, argv=("sysctl", *wanted), stdout=text)
    if "/etc/sysctl.d/" in answer.command:
        text = "".join(f"| {key} = {value}\n" for key, value in wanted.items())
        return replace(answer, stdout=f"> /etc/sysctl.d/99-sysctl.conf\n{text}")
    return answer


def _everywhere(key: str, _equals: str, value: str) -> str:
    """Every interface with what the profile says for all."""
    wanted: dict[str, Any] = dict(default_site("hardened").sysctl)
    said = wanted.get(f"net.ipv4.conf.all.{key.rsplit('.', 1)[1]}", value)
    return f"{key} = {said}"


def _judged(target: Target) -> dict[str, set[str]]:
    return {one.control.id: {outcome for _, outcome, _ in one.judge(target)} for one in SYSCTLS}


def test_hardened_nodes_are_green_by_their_own_profile_only(
    tmp_path: Path, hardened_site: Path
) -> None:
    for path in GOOD.glob("*.jsonl"):
        answers = [_as_hardened(answer) for answer in Replay.load(path).answers]
        Replay(path.stem, answers).save(tmp_path / path.name)
    assert {
        id_ for id_, have in _judged(recorded(tmp_path, hardened_site)).items() if have != {"pass"}
    } == set()
    by_notes = _judged(recorded(tmp_path, LAB))
    assert by_notes["K13"] == {"fail"}


def test_nodes_of_the_notes_are_red_by_hardened(hardened_site: Path) -> None:
    target = recorded(GOOD, hardened_site)
    (redirects,) = [one for one in SYSCTLS if one.control.id == "K13"]
    for _, outcome, message in redirects.judge(target):
        assert outcome == "fail"
        assert "send_redirects=1 on xen-br0 (expected 0; hardened 0, notes 1)" in message
        assert message.endswith("(profile 'hardened')")


def test_a_parameter_of_which_no_value_is_expected_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    undecided = "".join(f'"{key}" = "any"\n' for key in default_site("notes").sysctl)
    path.write_text(f"{LAB.read_text()}\n[sysctl]\n{undecided}")
    assert load_site(path).parameters == {}
    judged = _judged(recorded(GOOD, path))
    assert {id_: have for id_, have in judged.items() if have != {"not-applicable"}} == {}
