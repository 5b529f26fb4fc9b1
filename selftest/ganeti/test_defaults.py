import contextlib
import subprocess
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.evidence import Answer
from gntverify.ganeti import defaults
from gntverify.transport.replay import Replay


def test_the_recorded_files_name_an_address_each(master: Replay, other: Replay) -> None:
    have = [defaults.read_defaults(source) for source in (master, other)]
    assert [one.bind("noded") for one in have] == ["192.168.0.1", "192.168.0.2"]
    assert [one.bind("rapi") for one in have] == ["192.168.1.1", "192.168.1.1"]
    assert have[0].arguments("rapi") == ("-b", "192.168.1.1", "--require-authentication")
    assert have[0].arguments("luxid") == ()
    assert have[0].apart_from("192.168.0.1") == have[1].apart_from("192.168.0.2")
    assert have[0].apart_from("192.168.0.1") != have[1].apart_from("192.168.0.9")


def test_a_node_without_the_file_starts_daemons_without_arguments() -> None:
    source = Replay("node1", [Answer("node1", tuple(defaults.COMMAND), 0, "", "", 0.0, 0.1)])
    have = defaults.read_defaults(source)
    assert have.values == {}
    assert have.bind("noded") == defaults.ANY


def test_quotes_comments_and_empty_values_are_the_shells(samples: SimpleNamespace) -> None:
    assert defaults.parse_defaults(samples.DEFAULTS).values == {
        "NODED_ARGS": "-b 192.168.0.1",
        "RAPI_ARGS": "-b 192.168.1.1 --require-authentication",
        "CONFD_ARGS": "-b 192.168.0.1",
        "LUXID_ARGS": "",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1\nA=2\n", "2"),
        ("  A=-d  \n", "-d"),
        ("A='it\"s'\n", 'it"s'),
        ('A="it\'s"\n', "it's"),
        ("A=-b\"1 2\"'3'\n", "-b1 23"),
        ("A='$x'\t# $y\n", "$x"),
        ('A="x # y"\n', "x # y"),
    ],
)
def test_a_value_is_what_the_shell_makes_of_it(text: str, value: str) -> None:
    assert defaults.parse_defaults(text).values == {"A": value}


@pytest.mark.parametrize(
    "line",
    [
        'A="-b $(hostname -i)"',
        'A="$B"',
        "A=`hostname`",
        "A=-b 192.168.0.1",
        "A= 192.168.0.1",
        'A="-b 1',
        "A=1;B=2",
        "A=1&",
        "A=1 B=2",
        "A=~root",
        "A=a\\ b",
        "A=a#b",
        'A="192.168.0.1"\r',
        'A="192.168.0.1\x0c"',
        ". /etc/default/other",
        "if true; then",
        "unset A",
    ],
)
def test_what_only_a_shell_could_tell_is_refused(line: str) -> None:
    with pytest.raises(ParseError):
        defaults.parse_defaults(f"NODED_ARGS=\n{line}\n")


@settings(max_examples=120, deadline=None)
@given(st.text("a0\"' \t#=;-~&\n\r\\$.", max_size=12))
def test_no_value_differs_from_the_shells(value: str) -> None:
    text = f"A={value}\n"
    with contextlib.suppress(ParseError):
        have = defaults.parse_defaults(text).values
        ran = subprocess.run(
            ["/bin/sh", "-c", f'{text}printf "[%s]" "$A"'],
            env={"PATH": "/nonexistent"},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert ran.stdout == f"[{have['A']}]"


def test_a_daemon_gets_both_of_its_variables() -> None:
    have = defaults.parse_defaults('EXTRA_NODED_ARGS="-b 10.0.0.2 -d"\nNODED_ARGS="-b 10.0.0.1"\n')
    assert have.arguments("noded") == ("-b", "10.0.0.1", "-b", "10.0.0.2", "-d")
    assert have.bind("noded") == "10.0.0.2"


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ([], "0.0.0.0"),  # noqa: S104 - what a daemon without -b listens on
        (["-d", "--bind", "10.0.0.1"], "10.0.0.1"),
        (["--bind=10.0.0.1"], "10.0.0.1"),
        (["-b10.0.0.1", "-f"], "10.0.0.1"),
        (["--bind=10.0.0.1", "-b", "10.0.0.2"], "10.0.0.2"),
        (["--bindings=10.0.0.1", "--no-bind"], "0.0.0.0"),  # noqa: S104 - likewise
    ],
)
def test_the_last_bind_counts(arguments: list[str], address: str) -> None:
    assert defaults.bind_of(arguments) == address


@pytest.mark.parametrize("option", ["-b", "--bind"])
def test_a_bind_without_its_address_is_refused(option: str) -> None:
    with pytest.raises(ParseError, match="no address"):
        defaults.bind_of(["-d", option])


@pytest.mark.parametrize("option", ["-b ", "-b", "--bind=", "--bind "])
def test_only_the_own_address_is_made_neutral(option: str) -> None:
    have = defaults.Defaults({"A": f"{option}10.0.0.1 -x 10.0.0.11"})
    assert have.apart_from("10.0.0.1") == {"A": f"{option}<own> -x 10.0.0.11"}
