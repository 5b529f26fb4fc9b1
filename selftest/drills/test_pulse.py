"""What a probe guest says of itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills.pulse import Pulse, lost, parse_data, parse_pulse
from gntverify.errors import ParseError


def said(canary: str, beat: str = "7") -> str:
    return json.dumps({"hostname": "p.gnt.example", "heartbeat": beat, "canary": canary})


@pytest.mark.parametrize(
    ("canary", "broken"),
    [
        ("canary 5 1764000000 ok", ""),
        ("ok 5", ""),
        ("canary 5 1764000000 broken: data/a differs", "data/a differs"),
        ("canary - - broken: MANIFEST is missing", "MANIFEST is missing"),
        ("broken data/a", "data/a"),
    ],
)
def test_the_canary_is_told(canary: str, broken: str) -> None:
    pulse, state = parse_pulse(said(canary))
    assert pulse == Pulse("p.gnt.example", 7, broken)
    assert state == "p.gnt.example at heartbeat 7"


def test_a_silent_guest_has_no_pulse() -> None:
    assert parse_pulse('{"silent": "timed out"}') == (None, "timed out")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"hostname": "p"}',
        said(""),
        said("canary 5 ok"),
        said("ok"),
        said("ok 5", "-1"),
        said("ok 5", "many"),
    ],
)
def test_a_stranger_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_pulse(text)


@pytest.mark.parametrize(
    ("text", "rotten"),
    [
        ('{"canary": "canary 5 1764000000 ok"}', ""),
        (
            '{"canary": "canary 5 1764000000 broken: data/03 differs"}',
            "its data is broken: data/03 differs",
        ),
        (
            '{"silent": "HTTP Error 404: Not Found"}',
            "its data was not read: HTTP Error 404: Not Found",
        ),
    ],
)
def test_what_the_guest_reads_is_told(text: str, rotten: str) -> None:
    assert parse_data(text) == rotten


@pytest.mark.parametrize("text", ["", "{}", '{"canary": ""}', '{"canary": "canary 5 ok"}'])
def test_no_answer_is_whole_data(text: str) -> None:
    with pytest.raises(ParseError):
        parse_data(text)


@given(st.text(), st.text(), st.text())
def test_any_answer_is_a_pulse_or_refused(name: str, beat: str, canary: str) -> None:
    text = json.dumps({"hostname": name, "heartbeat": beat, "canary": canary})
    try:
        pulse, _ = parse_pulse(text)
    except ParseError:
        return
    assert pulse is not None
    assert str(pulse.beat) == beat.lstrip("0") or int(beat) == pulse.beat
    assert pulse.broken in canary


def test_nothing_is_lost_by_going_on() -> None:
    assert lost(Pulse("p", 7), Pulse("p", 7)) == []
    assert lost(Pulse("p", 7), Pulse("p", 900)) == []


def test_what_is_lost_is_told() -> None:
    wrong = lost(Pulse("p", 7), Pulse("q", 6, "data/a differs"))
    assert wrong == [
        "'q' answers instead of 'p'",
        "its data went back from heartbeat 7 to 6",
        "its data is broken: data/a differs",
    ]
