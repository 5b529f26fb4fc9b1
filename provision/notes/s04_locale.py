"""Base System Setup: locale, timezone, and the clock they are shown with."""

from shlex import quote

from pyinfra.context import host

from gntverify.site.model import Node, Time
from provision.notes._facts import REBOOT_MARKER, Lines, pairs
from provision.notes._operations import INSTALL_S, commands, deploy, limit, packages
from provision.section import Context, Section, Stage

TITLE = "Base System Setup, locale and timezone"
DEFAULT = "/etc/default/locale"
LOOK = (
    f"locale -a | sed 's/^/have /'; LANG=; [ ! -r {DEFAULT} ] || . {DEFAULT}; echo lang $LANG; "
    "echo zone $(readlink -f /etc/localtime)"
)
SOURCES = "/etc/chrony/sources.d/ganeti.sources"
ZONES = "/usr/share/zoneinfo"


@deploy(TITLE)
def tools(context: Context, _node: Node) -> None:
    clock = ["chrony"] if context.site.time.servers else []
    packages(
        ["locales", "tzdata", *clock],
        recommends=context.site.packages.recommends,
        name="Locales, zones and the clock's daemon are installed",
        _timeout=limit(INSTALL_S),
    )


@deploy(TITLE)
def locale(context: Context, _node: Node) -> None:
    time = context.site.time
    have = pairs(host.get_fact(Lines, text=LOOK))
    commands(
        *locale_commands(time, have), name=f"The locale is {time.locale}", _timeout=limit(180)
    )
    commands(*zone_commands(time, have), name=f"The timezone is {time.timezone}")
    commands(*clock_commands(time), name="The clock is set by the site's servers")


def locale_commands(time: Time, have: list[tuple[str, str]]) -> list[str]:
    """What makes the locale and takes it as the default."""
    name, _, charset = time.locale.partition(".")
    made = {value.lower().replace("-", "") for key, value in have if key == "have"}
    lines = []
    if time.locale.lower().replace("-", "") not in made:
        line = quote(f"{time.locale} {charset or name}")
        lines.append(
            f"grep -qxF {line} /etc/locale.gen || echo {line} >> /etc/locale.gen; locale-gen"
        )
    if ("lang", time.locale) not in have:
        lines.append(f"update-locale LANG={time.locale}")
    return [*lines, f"touch {REBOOT_MARKER}"] if lines else []


def zone_commands(time: Time, have: list[tuple[str, str]]) -> list[str]:
    """What sets the timezone; ``Etc/UTC`` is ``UTC``."""
    zone = dict(have).get("zone", "").removeprefix(f"{ZONES}/")
    if _plain(zone) == _plain(time.timezone):
        return []
    name = quote(time.timezone)
    return [
        f"ln -snf {ZONES}/{name} /etc/localtime && echo {name} > /etc/timezone",
        "dpkg-reconfigure -f noninteractive tzdata",
        f"touch {REBOOT_MARKER}",
    ]


def _plain(zone: str) -> str:
    name = zone.removeprefix("Etc/")
    return "UTC" if name in ("UCT", "Universal", "Zulu") else name


def clock_commands(time: Time) -> list[str]:
    """What tells chrony of the site's servers, where its own files do not name them already."""
    if not time.servers:
        return []
    look = "cat /etc/chrony/chrony.conf /etc/chrony/sources.d/*.sources 2>/dev/null"
    known = {
        line.split()[1]
        for line in host.get_fact(Lines, text=f"{look} || true")
        if line.split()[:1] in (["server"], ["pool"], ["peer"]) and len(line.split()) > 1
    }
    missing = [server for server in time.servers if server not in known]
    if not missing:
        return []
    lines = "".join(f"server {server} iburst\n" for server in missing)
    return [
        f"mkdir -p {SOURCES.rpartition('/')[0]} && printf %s {quote(lines)} >> {SOURCES}",
        "chronyc reload sources",
    ]


SECTION = Section(
    key="locale",
    title=TITLE,
    said="`dpkg-reconfigure locales` (en_US.UTF-8) and `dpkg-reconfigure tzdata` (UTC).",
    today="""\
The locale is generated and made the default, the zone set, both without questions. Where the \
site names time servers, chrony is told of them.""",
    differs="""\
`dpkg-reconfigure` asks; the same files are written instead. Clocks are not in the notes, but \
Ganeti refuses to work with clocks more than 150 s apart.""",
    stages=(Stage("all", tools), Stage("all", locale)),
)
