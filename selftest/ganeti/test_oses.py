from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, CommandTimeout, ParseError
from gntverify.evidence import Answer
from gntverify.ganeti import oses
from gntverify.transport.replay import Replay

ITEMS = st.frozensets(st.text("abc-_019", min_size=1, max_size=6), max_size=3)
VALID = st.builds(
    oses.OsOnNode,
    valid=st.just(True),
    reason=st.just(""),
    path=st.text("abc/-", min_size=1, max_size=9),
    api_versions=ITEMS,
    variants=ITEMS,
    parameters=ITEMS,
)
NOTHING: frozenset[str] = frozenset()
INVALID = st.builds(
    oses.OsOnNode,
    valid=st.just(False),
    reason=st.text("abc':,./ ()", min_size=1, max_size=20).map(str.strip).filter(bool),
    path=st.text("abc/-", min_size=1, max_size=9),
    api_versions=st.just(NOTHING),
    variants=st.just(NOTHING),
    parameters=st.just(NOTHING),
)
MISSING = oses.OsOnNode(
    valid=False,
    reason="OS not found",
    path="",
    api_versions=NOTHING,
    variants=NOTHING,
    parameters=NOTHING,
)
NODES = st.dictionaries(
    st.sampled_from(["node1.gnt.example", "node2.gnt.example", "4c2b26f2-0510-43ef"]),
    st.one_of(VALID, INVALID, st.just(MISSING)),
    min_size=1,
)


def test_the_recorded_definitions_are_valid_on_three_nodes(master: Replay) -> None:
    have = oses.read_oses(master)
    assert {name: os.status for name, os in have.items()} == {
        "debootstrap": "valid",
        "gntverify-probe": "valid",
        "noop": "valid",
    }
    for name, os in have.items():
        assert len(os.nodes) == 3
        assert {on.path for on in os.nodes.values()} == {f"/usr/share/ganeti/os/{name}"}
        assert all(on.valid and not on.reason for on in os.nodes.values())
    bootstrap = {str(on) for on in have["debootstrap"].nodes.values()}
    assert bootstrap == {"API 10, 15, 20, 5; variants default; parameters filesystem"}
    assert {on.variants for on in have["noop"].nodes.values()} == {NOTHING}


def test_a_definition_may_be_missing_or_broken_on_one_node(samples: SimpleNamespace) -> None:
    have = oses.parse_oses(samples.OSES)
    assert have.keys() == {"debootstrap", "noop"}
    nodes = have["debootstrap"].nodes
    assert have["debootstrap"].status == "partial valid"
    assert [nodes[name].valid for name in ("node1", "node2", "node3")] == [True, False, False]
    assert nodes["node1"].variants == {"default", "minimal"}
    assert nodes["node2"].reason == "OS API version file doesn't exist: /srv/x"
    assert nodes["node2"].path == "/srv/ganeti/os/debootstrap"
    assert nodes["node3"] == MISSING
    assert str(nodes["node3"]) == "invalid: OS not found"
    assert have["noop"].nodes["node1"].parameters == NOTHING


@pytest.mark.parametrize(
    "bad",
    [
        "  Node: node1, status: OS not found\n",
        "OS: noop [global status: valid]\n",
        "OS: noop [global status: valid]\n\nOS: x [global status: invalid]\n"
        "  Node: node1, status: OS not found\n",
        "OS: noop [global status: sound]\n  Node: node1, status: OS not found\n",
        "OS: noop [global status: invalid]\n  Node: node1, status: odd\n",
        "OS: noop [global status: invalid]\n  Node: node1, status: OS not found\n  More: [x]\n",
    ],
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        oses.parse_oses(bad)


def test_no_definition_at_all_is_an_answer(said: Callable[..., Answer]) -> None:
    assert oses.judged(said(0, "")) == {}


def test_status_one_says_that_a_definition_is_not_valid(
    said: Callable[..., Answer], samples: SimpleNamespace
) -> None:
    assert oses.judged(said(1, samples.OSES)) == oses.parse_oses(samples.OSES)


def test_no_answer_is_not_taken_for_no_definition(
    said: Callable[..., Answer], samples: SimpleNamespace
) -> None:
    with pytest.raises(CommandFailed, match="Can't get"):
        oses.judged(said(1, "", "Can't get the OS list\n"))
    with pytest.raises(CommandFailed, match="status 2"):
        oses.judged(said(2, samples.OSES))
    with pytest.raises(CommandFailed, match="was cut"):
        oses.judged(said(0, samples.OSES, problem="its output was cut at 9 bytes"))
    with pytest.raises(CommandTimeout):
        oses.judged(said(None, samples.OSES))


def _listed(key: str, items: frozenset[str], nothing: str) -> str:
    return f" [{key}: {', '.join(sorted(items))}]" if items else f" [{nothing}]"


def _line(node: str, on: oses.OsOnNode) -> str:
    """What Ganeti writes of one node (lib/client/gnt_os.py)."""
    if on == MISSING:
        return f"  Node: {node}, status: OS not found\n"
    status = "valid" if on.valid else f"invalid - {on.reason}"
    rest = _listed("API versions", on.api_versions, "no API versions declared")
    rest += _listed("variants", on.variants, "no variants")
    rest += _listed("parameters", on.parameters, "no parameters")
    return f"  Node: {node}, status: {status} (path: {on.path}){rest} [untrusted]\n"


@given(st.dictionaries(st.sampled_from(["noop", "debootstrap", "image+x"]), NODES))
def test_every_definition_written_is_read(
    want: dict[str, dict[str, oses.OsOnNode]],
) -> None:
    text = "".join(
        f"OS: {name} [global status: partial valid]\n"
        + "".join(_line(node, on) for node, on in nodes.items())
        + "\n"
        for name, nodes in want.items()
    )
    assert {name: os.nodes for name, os in oses.parse_oses(text).items()} == want
