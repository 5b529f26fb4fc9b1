"""Operations that pyinfra does not have in the form needed here: one question, few commands."""

from collections.abc import Callable, Generator, Iterable
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyinfra.api.deploy import deploy as pyinfra_deploy
from pyinfra.api.operation import operation as pyinfra_operation
from pyinfra.context import host

from gntverify.deadline import scaled
from provision.notes._facts import REBOOT_MARKER, Dpkg, DpkgFacts, FileText

if TYPE_CHECKING:
    from gntverify.site.model import Node
    from provision.section import Context

    Deploy = Callable[[Context, Node], None]

Commands = Generator[str, None, None]
F = TypeVar("F", bound="Deploy")

INSTALL_S = 1200
REFRESH = (
    "find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -60 2>/dev/null"
    " | grep -q . || apt-get -q update"
)
"""The lists are fetched again when those at hand are older than an hour."""
UNASKED = "DEBIAN_FRONTEND=noninteractive"
WAIT = "-o DPkg::Lock::Timeout=300"
INSTALL = (
    f"{UNASKED} apt-get -q -y {WAIT}"
    " -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install"
)
REPAIR = (
    f"apt-get -q {WAIT} check >/dev/null 2>&1; "
    f"{UNASKED} dpkg --configure -a --force-confdef --force-confold"
)
"""Goes on where dpkg was interrupted. apt-get only waits here, for one that is still at work:
dpkg itself would give up at once."""


def limit(limit_s: float) -> int:
    """A time limit for pyinfra's ``_timeout``: seconds as written for hardware, scaled."""
    return int(scaled(limit_s))


def deploy(title: str) -> "Callable[[F], Deploy]":
    """A deploy whose operations are named after this section.

    pyinfra's type of the result puts its own arguments before ours, so it is told anew.
    """
    return cast("Callable[[F], Deploy]", pyinfra_deploy(title))


def operation(function: Callable[..., Any]) -> Any:
    """An operation; it takes pyinfra's ``name``, ``_timeout`` and others besides its own."""
    return pyinfra_operation()(function)


@operation
def text_file(path: str, content: str, mode: str = "644", *, reboot: bool = False) -> Commands:
    """The file has exactly this content.

    Args:
        path: absolute.
        content: all of it.
        mode: in octal; only set when the file is written.
        reboot: whether a change is worth a reboot.
    """
    most = len(content.encode()) + 1  # enough to tell; a whole program may lie there
    if host.get_fact(FileText, path=path, most=most) == content:
        return
    new = quote(f"{path}.new")
    yield (f"printf %s {quote(content)} > {new} && chmod {mode} {new} && mv {new} {quote(path)}")
    if reboot:
        yield f"touch {REBOOT_MARKER}"


@operation
def packages(names: Iterable[str], *, recommends: bool) -> Commands:
    """These Debian packages are installed; one call of apt-get for all that are missing."""
    have: Dpkg = host.get_fact(DpkgFacts)
    missing = sorted(frozenset(names) - have.installed)
    if have.interrupted:
        yield REPAIR
    if not missing:
        return
    yield REFRESH
    chosen = "" if recommends else " --no-install-recommends"
    yield f"{INSTALL}{chosen} {' '.join(missing)}"


@operation
def commands(*lines: str) -> Commands:
    """Run these; whoever calls this has found that they are needed."""
    yield from lines
