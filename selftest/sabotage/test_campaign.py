"""The campaign: what is broken is judged, mended, and found green again, whatever happens."""

from collections.abc import Sequence

import pytest

from gntverify.errors import CommandFailed, TargetRefused
from sabotage.campaign import Campaign
from sabotage.fault import Fault
from selftest.sabotage.scenes import Quiet, Scene, expectations, fault, verdict

W08, W06 = fault("W08"), fault("W06", "node1")
RED = {
    "W08 broken": [verdict("W08", "node2", "a route")],
    "W06 broken": [verdict("W06", "node1", "15 s")],
}


def campaign(scene: Scene, *rounds: Sequence[Fault], limit_s: float = 1e6) -> Campaign:
    faults = [one for group in rounds for one in group]
    return Campaign(
        stage=scene,
        rounds=[tuple(group) for group in rounds],
        expected=expectations(*faults),
        progress=Quiet(),
        keep=lambda _: None,
        limit_s=limit_s,
    )


def test_a_fault_is_seen_red_and_green_again() -> None:
    scene = Scene(RED)
    played = campaign(scene, [W08], [W06])
    played.run()
    assert [(e.control, e.seen_red, e.green_again) for e in played.entries] == [
        ("W08", True, True),
        ("W06", True, True),
    ]
    assert all(entry.proven for entry in played.entries)
    assert scene.broken == []
    assert "reset" not in scene.told


def test_the_watcher_is_held_off_only_while_something_is_broken() -> None:
    scene = Scene(RED)
    campaign(scene, [W08]).run()
    assert scene.told == [
        "release",
        "tend",
        "suite 0",
        "hold",
        "node2: break W08 broken",
        "suite 1",
        "node2: mend W08 broken",
        "release",
        "tend",
        "suite 2",
        "release",
    ]


def test_a_lab_that_is_not_green_is_refused() -> None:
    scene = Scene(RED)
    scene.broken = ["W08 broken"]
    with pytest.raises(TargetRefused, match="W08 node2"):
        campaign(scene, [W06]).run()
    assert not any("break" in line for line in scene.told)


@pytest.mark.parametrize("times", [1, 2, 9])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("control", ["W05", ""])
def test_what_was_not_told_is_asked_again(number: int, times: int, control: str) -> None:
    scene = Scene(RED | {"slow": [verdict(control, "node2", "no answer", outcome="unknown")]})

    def asked(run: int) -> list[str]:
        return [line for line in scene.told if line.startswith(f"suite {run}")]

    def slow(run: int) -> None:
        scene.broken = [name for name in scene.broken if name != "slow"]
        if run == number and len(asked(run)) <= times:
            scene.broken.append("slow")

    scene.before_suite = slow
    played = campaign(scene, [W08])
    if times > 2 and number == 0:
        with pytest.raises(TargetRefused, match="node2"):
            played.run()
        return
    played.run()
    again = f"suite {number} tests/test_x.py::test_W05" if control else f"suite {number}"
    assert asked(number) == [f"suite {number}", *[again] * min(times, 2)]
    assert played.entries[0].proven is (times <= 2)


def test_a_failure_that_a_second_look_does_not_see_stays_one() -> None:
    untold = [verdict("W05", "node2", "no answer", outcome="unknown"), verdict("W05", "node1")]
    scene = Scene(RED | {"slow": untold})

    def slow(run: int) -> None:
        scene.broken = [name for name in scene.broken if name != "slow"]
        if run == 1 and scene.told.count("suite 1") == 1 and "test_W05" not in scene.told[-1]:
            scene.broken.append("slow")

    scene.before_suite = slow
    played = campaign(scene, [W08])
    played.run()
    assert played.entries[0].stray == ["W05 node1"]


def test_what_nobody_declared_is_a_stray_of_its_round() -> None:
    shows = {"W08 broken": [*RED["W08 broken"], verdict("W05", "node2", "on")]}
    played = campaign(Scene(shows), [W08], [W06])
    played.run()
    first, second = played.entries
    assert first.seen_red
    assert first.stray == ["W05 node2"]
    assert not first.proven
    assert second.stray == []


def test_another_node_is_not_the_declared_one() -> None:
    shows = {"W08 broken": [verdict("W08", "node1", "a route")]}
    played = campaign(Scene(shows), [W08])
    played.run()
    assert not played.entries[0].seen_red
    assert played.entries[0].missing == ["W08 node2"]
    assert played.entries[0].stray == ["W08 node1"]


def test_what_is_declared_beside_it_must_turn() -> None:
    beside = fault("W08", also=["W06", "W05 on node1"])
    shows = {"W08 broken": [*RED["W08 broken"], verdict("W05", "node1")]}
    played = campaign(Scene(shows), [beside])
    played.run()
    assert played.entries[0].collateral == ["W05 node1"]
    assert played.entries[0].missing == ["W06 node2"]


def test_unknown_is_not_red() -> None:
    shows = {"W08 broken": [verdict("W08", "node2", "not told", outcome="unknown")]}
    played = campaign(Scene(shows), [W08])
    played.run()
    assert not played.entries[0].seen_red


def test_a_control_of_the_cluster_must_name_the_node() -> None:
    shows = {"N16 broken": [verdict("N16", "", "on node1: 192.0.2.9")]}
    played = campaign(Scene(shows), [fault("N16")])
    played.run()
    assert not played.entries[0].seen_red
    assert played.entries[0].missing == ["N16 naming 'node2'"]


def test_faults_share_what_verify_says_by_its_codes() -> None:
    net = fault("C04", name="net", names="node2", codes=["ENODENET"])
    hook = fault("C04", name="hook", names="node2", codes=["ENODEHOOKS"])
    said = "verify finds 2 error(s): ENODENET (node node2): no; ENODEHOOKS (node node2): no"
    played = campaign(Scene({"net": [verdict("C04", "", said)]}), [net, hook])
    played.run()
    assert [entry.codes for entry in played.entries] == [["ENODENET"], ["ENODEHOOKS"]]
    assert all(entry.proven for entry in played.entries)


def test_a_code_is_of_the_file_it_is_about() -> None:
    hosts = fault("C04", name="hosts", codes=["ECLUSTERFILECHECK /etc/hosts"])
    known = fault("C04", name="known", codes=["ECLUSTERFILECHECK /known"], node="node3")
    said = "; ".join(
        f"ECLUSTERFILECHECK (cluster): File {path} found with 2 checksums (2 on {node})"
        for path, node in (("/etc/hosts", "node2"), ("/known", "node3"))
    )
    played = campaign(Scene({"hosts": [verdict("C04", "", said)]}), [hosts, known])
    played.run()
    assert [entry.codes for entry in played.entries] == [["ECLUSTERFILECHECK"]] * 2
    assert all(entry.proven for entry in played.entries)


def test_a_code_that_another_fault_brought_proves_nothing() -> None:
    net = fault("C04", name="net", names="node2", codes=["ENODENET"])
    hook = fault("C04", name="hook", node="node1", codes=["ENODEHOOKS"])
    said = "verify finds 2 error(s): ENODENET (node node2): no; ENODEHOOKS (node node2): no"
    played = campaign(Scene({"net": [verdict("C04", "", said)]}), [net, hook])
    played.run()
    assert [entry.seen_red for entry in played.entries] == [True, False]
    assert played.entries[1].missing == ["C04 naming 'node1'"]


def test_a_code_that_nobody_declared_is_a_stray() -> None:
    net = fault("C04", name="net", names="node2", codes=["ENODENET"])
    said = "verify finds: ENODENET (node node2): no; ENODESSH (node node2): no"
    played = campaign(Scene({"net": [verdict("C04", "", said)]}), [net])
    played.run()
    assert played.entries[0].stray == ["ENODESSH"]


def test_what_cannot_be_mended_is_reset() -> None:
    scene = Scene(RED)
    scene.stubborn = {"W08 broken"}
    played = campaign(scene, [W08], [W06])
    played.run()
    assert scene.told.count("reset") == 1
    assert [entry.green_again for entry in played.entries] == [True, True]


def test_what_is_red_a_round_later_is_not_green_again_and_no_stray_of_that_round() -> None:
    scene = Scene(RED)

    def relapse(number: int) -> None:
        if number == 2:
            scene.broken.append("W08 broken")

    scene.before_suite = relapse
    played = campaign(scene, [W08], [W06])
    played.run()
    first, second = played.entries
    assert first.green_again is False
    assert (second.seen_red, second.green_again, second.stray) == (True, True, [])
    assert scene.told.count("reset") == 1


def test_green_again_waits_for_a_run_in_which_it_is_not_broken_anew() -> None:
    again = fault("W08", name="other route")
    shows = RED | {"other route": [verdict("W08", "node2", "a route")]}
    played = campaign(Scene(shows), [W08], [again])
    kept: list[list[bool | None]] = []
    played.keep = lambda entries: kept.append([entry.green_again for entry in entries])
    played.run()
    assert kept == [[None], [None, None], [True, True]]


def test_what_only_a_reset_undoes_ends_with_one() -> None:
    scene = Scene(RED)
    played = campaign(scene, [fault("W08", mend="reset")])
    played.run()
    assert scene.told.count("reset") == 1
    assert played.entries[0].proven


def test_an_interrupt_leaves_nothing_broken() -> None:
    scene = Scene(RED)

    def interrupt(number: int) -> None:
        if number == 1:
            raise KeyboardInterrupt

    scene.before_suite = interrupt
    played = campaign(scene, [W08])
    with pytest.raises(KeyboardInterrupt):
        played.run()
    assert scene.broken == []
    assert scene.told[-2:] == ["node2: mend W08 broken", "release"]


def test_a_round_on_which_the_suite_does_not_run_is_told_and_the_next_is_played() -> None:
    scene = Scene(RED)

    def refuse(number: int) -> None:
        if number == 1:
            raise CommandFailed("it judged nothing")

    scene.before_suite = refuse
    played = campaign(scene, [W08], [W06])
    played.run()
    first, second = played.entries
    assert (first.seen_red, first.missing) == (False, ["it judged nothing"])
    assert second.proven
    assert scene.told.count("reset") == 1


def test_what_no_time_is_left_for_is_told() -> None:
    played = campaign(Scene(RED), [W08], [W06], limit_s=0.0)
    played.run()
    assert played.entries == []
    assert played.left_out == [W08, W06]


def test_the_first_wrong_round_ends_it_unless_told_otherwise() -> None:
    played = campaign(Scene({}), [W08], [W06])
    played.keep_going = False
    played.run()
    assert played.left_out == [W06]


def test_the_master_is_broken_first_and_mended_last() -> None:
    scene = Scene({})
    campaign(scene, [W08, W06]).run()
    deeds = [line for line in scene.told if "broken" in line]
    assert deeds == [
        "node1: break W06 broken",
        "node2: break W08 broken",
        "node2: mend W08 broken",
        "node1: mend W06 broken",
    ]


def test_red_in_the_last_run_belongs_to_nobody_and_proves_nothing() -> None:
    scene = Scene(RED | {"later": [verdict("W05", "node1", "on")]})

    def late(number: int) -> None:
        if number == 2:
            scene.broken.append("later")

    scene.before_suite = late
    played = campaign(scene, [W08])
    played.run()
    assert not played.entries[0].proven


def test_a_break_that_fails_is_told_and_nothing_of_it_is_expected() -> None:
    scene = Scene(RED)
    scene.stubborn = {"W08 broken"}
    unplayed = fault("W08", **{"break": "mend W08 broken", "mend": "reset"})
    played = campaign(scene, [unplayed])
    played.run()
    assert not played.entries[0].seen_red
    assert played.entries[0].missing == ["W08 broken stays"]
    assert not played.entries[0].proven
