"""Which kernel runs, which are installed, and whether anything asks for a reboot."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

BUILD = ("uname", "--kernel-version")
RELEASES = ("sh", "-c", "linux-version list | linux-version sort")
"""From linux-base, on which every kernel of Debian depends."""
ASKED = "/run/reboot-required"
REBOOT = cat([ASKED, f"{ASKED}.pkgs"])
_RELEASE = re.compile(r"[0-9][\w.+~-]*?-([a-z][a-z0-9-]*)", re.ASCII)


def parse_build(text: str) -> str:
    """Version of the package that the running kernel was built for: ``6.1.192-2``.

    Raises:
        ParseError: it is no kernel of Debian's.
    """
    found = re.search(r"\bDebian (\S+)", text, re.ASCII)
    if not found:
        raise refuse("uname --kernel-version", text)
    return found[1]


def parse_releases(text: str) -> tuple[str, ...]:
    """Installed kernels, the newest last.

    Raises:
        ParseError: there is none, or a line is not one word.
    """
    lines = text.splitlines()
    odd = [line for line in lines if len(line.split()) != 1]
    if odd or not lines:
        raise refuse("linux-version", odd[0] if odd else text)
    return tuple(lines)


def newest(releases: Sequence[str], running: str) -> str:
    """The last of the releases that has the flavour of the running one (``amd64``, ``rt-amd64``).

    Raises:
        ParseError: the running one names no flavour, or none of that flavour is installed.
    """
    flavour = _flavour(running)
    found = [release for release in releases if flavour and _flavour(release) == flavour]
    if not found:
        raise ParseError(
            f"The kernel {running!r} runs, and none of its flavour is among the installed ones "
            f"({', '.join(releases)})."
        )
    return found[-1]


def _flavour(release: str) -> str:
    found = _RELEASE.fullmatch(release)
    return found[1] if found else ""


def parse_reboot(files: Mapping[str, str]) -> str:
    """Who asks for a reboot, as a reader would say it; empty when nobody does."""
    if ASKED not in files:
        return ""
    packages = sorted(set(files.get(f"{ASKED}.pkgs", "").split()))
    return ", ".join(packages) or ASKED


def read_build(source: "Source") -> str:
    """Package version of the running kernel."""
    return parse_build(source.ask(BUILD).text())


def read_releases(source: "Source") -> tuple[str, ...]:
    """The installed kernels, the newest last."""
    return parse_releases(source.ask(RELEASES).text())


def read_reboot(source: "Source") -> str:
    """Who asks for a reboot."""
    return parse_reboot(parse_cat(source.ask(REBOOT).text()))
