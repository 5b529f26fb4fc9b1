from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts import kernel


def test_the_build_is_the_packages_version(samples: SimpleNamespace) -> None:
    assert kernel.parse_build(samples.BUILD) == "6.1.192-2"
    with pytest.raises(ParseError):
        kernel.parse_build("#91-Ubuntu SMP Mon Oct 2\n")


@pytest.mark.parametrize(
    ("running", "want"),
    [
        ("5.10.0-31-amd64", "6.1.0-56-amd64"),
        ("6.1.0-56-amd64", "6.1.0-56-amd64"),
        ("6.1.0-50-rt-amd64", "6.1.0-56-rt-amd64"),
        ("6.11.0-0.deb12.1-cloud-amd64", "6.12.41+deb13-cloud-amd64"),
    ],
)
def test_the_newest_is_of_the_running_ones_flavour(
    samples: SimpleNamespace, running: str, want: str
) -> None:
    assert kernel.newest(kernel.parse_releases(samples.RELEASES), running) == want


@pytest.mark.parametrize("running", ["6.1.0-56-own", "6.1.0", "amd64"])
def test_a_kernel_of_no_flavour_there_is_not_judged(running: str) -> None:
    with pytest.raises(ParseError, match="none of its flavour"):
        kernel.newest(("6.1.0-56-amd64",), running)


def test_no_installed_kernel_is_no_answer() -> None:
    for bad in ("", "6.1.0 amd64\n", "\n"):
        with pytest.raises(ParseError):
            kernel.parse_releases(bad)


def test_who_asks_for_a_reboot_is_named() -> None:
    flag, named = kernel.ASKED, f"{kernel.ASKED}.pkgs"
    assert kernel.parse_reboot({}) == ""
    assert kernel.parse_reboot({flag: "", named: "dbus\ndbus\nlibc6\n"}) == "dbus, libc6"
    assert kernel.parse_reboot({flag: "*** System restart required ***\n"}) == flag
