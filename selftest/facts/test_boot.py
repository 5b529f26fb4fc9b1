from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts.boot import parse_modules, parse_units


def test_a_service_is_what_the_best_of_its_units_is(samples: SimpleNamespace) -> None:
    assert parse_units(samples.UNITS) == {"ganeti": "enabled", "cron": "enabled"}


@pytest.mark.parametrize(
    ("service", "target", "state"),
    [
        ("disabled", "", "disabled"),
        ("disabled", "enabled", "enabled"),
        ("", "masked", "masked"),
        ("not-found", "not-found", "absent"),
        ("", "", "absent"),
    ],
)
def test_ganeti_may_be_a_script_or_a_target(service: str, target: str, state: str) -> None:
    text = f"ganeti.service {service}\nganeti.target {target}\ncron.service enabled\n"
    assert parse_units(text) == {"ganeti": state, "cron": "enabled"}


@pytest.mark.parametrize(
    "bad",
    [
        "ganeti.service enabled\ncron.service enabled\n",
        "ganeti.service \nganeti.target \ncron.service \n",
        "ganeti.service enabled\nganeti.target \ncron.service Failed to connect\n",
        "ganeti enabled\nganeti.target \ncron.service enabled\n",
    ],
)
def test_other_units_are_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        parse_units(bad)


def test_of_files_with_one_name_the_administrators_counts(samples: SimpleNamespace) -> None:
    assert parse_modules(samples.MODULES) == {"drbd", "dm_mod"}


def test_a_masked_file_loads_nothing() -> None:
    masked = "> /etc/modules-load.d/drbd.conf\n> /usr/lib/modules-load.d/drbd.conf\n| drbd\n"
    assert parse_modules(masked) == frozenset()
    assert parse_modules("") == frozenset()


@pytest.mark.parametrize(
    "bad", ["drbd\n", "> /etc/modules-load.d/a.conf\n| drbd minor_count=128\n"]
)
def test_what_is_no_module_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        parse_modules(bad)
