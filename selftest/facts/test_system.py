from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from gntverify.errors import GntverifyError, ParseError
from gntverify.evidence import Answer
from gntverify.facts import clock, shape, system
from selftest.turning import Turning

if TYPE_CHECKING:
    from gntverify.transport.source import Source


def test_only_installed_packages_count(samples: SimpleNamespace) -> None:
    assert system.parse_packages(samples.PACKAGES) == {"adduser": "3.134", "ganeti": "3.0.2-3"}
    for bad in ("", "ganeti\tinstalled\n", "xz\tconfig-files\t5.4\n"):
        with pytest.raises(ParseError):
            system.parse_packages(bad)


def test_a_path_has_the_package_that_brought_it(samples: SimpleNamespace) -> None:
    assert system.parse_owners(samples.OWNERS) == {
        "/bin/sh": "bash",
        "/usr/share/ganeti/os/debootstrap": "ganeti-instance-debootstrap",
        "/lib/x86_64-linux-gnu/libc.so.6": "libc6",
    }
    with pytest.raises(ParseError):
        system.parse_owners("dpkg-query: error\n")


def test_a_locale_has_one_spelling(samples: SimpleNamespace) -> None:
    assert system.locale_key("en_US.UTF-8") in system.parse_locales(samples.LOCALES)
    assert system.locale_key("de_DE.UTF-8") not in system.parse_locales(samples.LOCALES)
    with pytest.raises(ParseError):
        system.parse_locales("")


def test_utc_has_one_spelling(samples: SimpleNamespace) -> None:
    have = system.parse_clock(samples.TIMEDATECTL)
    assert have.synchronised
    assert system.zone_key(have.timezone) == system.zone_key("UTC")
    assert system.zone_key("Europe/Paris") != system.zone_key("UTC")
    with pytest.raises(ParseError):
        system.parse_clock("Timezone=UTC\n")


def test_a_timed_that_was_late_is_asked_once_more(samples: SimpleNamespace) -> None:
    late = "Failed to parse bus message: Connection timed out"

    def asked(first: str, then: str) -> system.Clock:
        return system.read_clock(Turning("n", first, then, rc=1))

    assert asked(late, samples.TIMEDATECTL).synchronised
    for first, then in ((late, late), ("System has not been booted with systemd", late)):
        with pytest.raises(GntverifyError):
            asked(first, then)


def test_a_name_that_does_not_resolve_has_no_address(samples: SimpleNamespace) -> None:
    assert system.parse_names(samples.NAMES) == {
        "node1.gnt.example": {IPv4Address("192.168.0.1")},
        "nowhere.gnt.example": frozenset(),
        "clust1.gnt.example": {IPv4Address("192.168.1.1")},
    }
    with pytest.raises(ParseError):
        system.parse_names("192.168.0.1     STREAM node1\n")


def test_a_clock_is_read_between_two_moments() -> None:
    assert clock.parse_date("1795530000.250000000\n") == 1795530000.25
    with pytest.raises(ParseError):
        clock.parse_date("1795530000.N\n")
    one, other = clock.Reading(0.1, 0.3), clock.Reading(1.5, 1.6)
    assert one.apart_s(other) == pytest.approx(1.2)
    assert other.apart_s(one) == pytest.approx(1.2)
    assert one.apart_s(clock.Reading(0.2, 9.0)) == 0.0


class _Clock:
    """A node whose clock is ahead, and a runner that waits between two questions."""

    def __init__(self, ahead_s: float, waits_s: float) -> None:
        self.now, self.ahead_s, self.waits_s = 1795530000.0, ahead_s, waits_s

    def ask(self, argv: tuple[str, str], *, fresh: bool = False) -> Answer:
        assert fresh, "a cached answer tells no time"
        asked, self.now = self.now, self.now + self.waits_s
        out = {clock.DATE: f"{asked + self.ahead_s + self.waits_s / 2:.9f}\n", clock.AFTER: ""}
        return Answer("node1", argv, 0, out[argv], "", asked, 0.001)


@pytest.mark.parametrize("ahead_s", [0.0, 3.5, -200.0])
def test_the_reading_holds_the_truth(ahead_s: float) -> None:
    have = clock.read_reading(cast("Source", _Clock(ahead_s, 0.2)))
    assert have.low_s <= ahead_s <= have.high_s
    assert have.uncertainty_s == pytest.approx(0.2, abs=1e-5)


def test_of_several_readings_the_most_exact_counts() -> None:
    waits = iter([1.7, 0.3, 0.9, 0.1])

    class Busy(_Clock):
        def ask(self, argv: tuple[str, str], *, fresh: bool = False) -> Answer:
            if argv == clock.DATE:
                self.waits_s = next(waits)
            return super().ask(argv, fresh=fresh)

    have = clock.read_reading(cast("Source", Busy(0.5, 0.0)))
    assert have.low_s <= 0.5 <= have.high_s
    assert have.uncertainty_s == pytest.approx(0.1, abs=1e-5)


def test_a_reading_without_an_interval_is_refused() -> None:
    with pytest.raises(ParseError, match="one after the other"):
        clock.read_reading(cast("Source", _Clock(0.0, 0.0)))


def test_a_file_cannot_pretend_to_be_another() -> None:
    text = "> /etc/a\n| > /etc/b\n| \n> /etc/c\n"
    assert shape.parse_cat(text) == {"/etc/a": "> /etc/b\n\n", "/etc/c": ""}
    for bad in ("| orphan\n", "> /etc/a\nnaked\n", "> relative\n"):
        with pytest.raises(ParseError):
            shape.parse_cat(bad)
