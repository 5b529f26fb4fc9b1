"""The faults' files: understood strictly, of every control, and packed so that runs can tell."""

import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from gntverify.catalogue import load_controls
from gntverify.errors import ParseError
from gntverify.handbook import unprovoked_controls
from gntverify.site import load_site
from sabotage.campaign import breaking, mending
from sabotage.fault import check_faults, load_faults
from sabotage.marks import Expectation
from sabotage.packing import MOST, packed
from selftest.sabotage.scenes import NODES, PER_NODE, expectations, fault

ROOT = Path(__file__).parents[2]
FAULTS = load_faults(ROOT / "sabotage" / "faults")
REASONS = unprovoked_controls(ROOT / "sabotage" / "not_provoked.toml")
CONTROLS = {one.control.id: "node" in one.parameters for one in load_controls()}
EXPECTED = {one: Expectation(one, CONTROLS) for one in FAULTS}

GOOD = """\
[[W08]]
name = "a route"
node = "node2"
break = "ip route add x"
mend = "ip route del x"
"""


def test_the_faults_speak_of_what_exists() -> None:
    """Controls, nodes and codes of all files."""
    site = load_site(ROOT / "sites" / "lab.toml")
    check_faults(FAULTS, CONTROLS, [node.short for node in site.nodes])


def test_every_control_is_provoked_or_has_a_reason() -> None:
    """What was never seen red on a real node is named, with the reason."""
    provoked = {one.control for one in FAULTS}
    assert provoked | REASONS.keys() == CONTROLS.keys()
    assert provoked & REASONS.keys() == set()


def test_what_runs_on_a_node_is_shell_text() -> None:
    """A quote too few would be found in the middle of a round, with half of it broken."""
    for one in FAULTS:
        text = "\n".join([breaking(one), mending(one)])
        done = subprocess.run(
            ["/bin/bash", "-n"], input=text, text=True, capture_output=True, check=False
        )
        assert (str(one), done.returncode, done.stderr) == (str(one), 0, "")


def test_packing_is_deterministic_and_complete() -> None:
    rounds = packed(FAULTS, EXPECTED)
    assert rounds == packed(list(reversed(FAULTS)), EXPECTED)
    assert sorted(map(str, FAULTS)) == sorted(str(one) for group in rounds for one in group)


def test_no_round_holds_what_a_run_cannot_tell_apart() -> None:
    for group in packed(FAULTS, EXPECTED):
        assert len(group) <= MOST
        assert len({one.by_reset for one in group}) == 1
        assert len(group) == 1 or not any(one.alone for one in group)
        clashes = [
            (str(one), str(other))
            for one, other in combinations(group, 2)
            if EXPECTED[one].clashes(EXPECTED[other])
        ]
        assert clashes == []
        assert not [one for one in group if {other.control for other in group} & {*one.apart}]


def test_one_control_on_two_nodes_fits_in_a_round() -> None:
    pair = [fault("W08", "node1", name="one"), fault("W08", "node2", name="other")]
    assert len(packed(pair, expectations(*pair))) == 1


def test_a_control_of_the_cluster_has_one_cause_a_round() -> None:
    pair = [fault("N16", "node1", name="one"), fault("N16", "node2", name="other")]
    assert len(packed(pair, expectations(*pair))) == 2


def test_verify_is_shared_by_disjoint_codes_only() -> None:
    one = fault("C04", name="one", codes=["ENODENET"])
    other = fault("C05", name="other", codes=["ENODEORPHANLV"])
    same = fault("C04", name="same", codes=["ENODENET", "ENODESSH"])
    hosts = fault("C04", name="hosts", codes=["ECLUSTERFILECHECK /etc/hosts"])
    known = fault("C04", name="known", codes=["ECLUSTERFILECHECK /var/lib/ganeti/known_hosts"])
    silent = fault("C04", name="silent")
    expected = expectations(one, other, same, silent, hosts, known)
    assert not expected[hosts].clashes(expected[known])
    assert not expected[one].clashes(expected[other])
    assert expected[one].clashes(expected[same])
    assert expected[other].clashes(expected[silent])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "nodes = 2\n", "key 'nodes'"),
        (GOOD.replace('mend = "ip route del x"\n', ""), "key 'mend'"),
        (GOOD.replace('"node2"', "2"), "key 'node'"),
        (GOOD + 'also = ["W05 at node1"]\n', "key 'also.0'"),
        (GOOD + 'codes = ["no code"]\n', "key 'codes.0'"),
        (GOOD + 'control = "W05"\n', "no fault"),
        ("[W08]\nname = 'x'\n", r"\[\[W08\]\]"),
        ("W08 = [1]\n", "no fault"),
        ("[[W08]\n", "fault.toml"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "fault.toml").write_text(text)
    with pytest.raises(ParseError, match=said):
        load_faults(tmp_path)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([fault("Z99")], "no control Z99"),
        ([fault("W08", also=["Z99"])], "no control Z99"),
        ([fault("W08", "node9")], "no node node9"),
        ([fault("W08", also=["W05 on node9"])], "no node node9"),
        ([fault("W08", codes=["ENODENET"])], "neither is declared"),
        ([fault("W08"), fault("W08", "node1")], "two of that name"),
    ],
)
def test_a_fault_that_speaks_of_nothing_is_refused(faults: list, said: str) -> None:  # type: ignore[type-arg]  # parametrized
    with pytest.raises(ParseError, match=said):
        check_faults(faults, PER_NODE, list(NODES))


def test_a_reason_is_text(tmp_path: Path) -> None:
    path = tmp_path / "not.toml"
    path.write_text('C16 = ""\n')
    with pytest.raises(ParseError, match="its reason"):
        unprovoked_controls(path)
