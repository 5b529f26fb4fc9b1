"""Files of a node with our part in them: text in, text out; everybody else's lines stay."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Interface, IPv4Network

from gntverify.site.model import PrivateNetwork

ANY = "0.0.0.0"  # noqa: S104 - the word for "no -b"; nothing is bound here
_STANZA = re.compile(
    r"iface|auto|mapping|source|source-directory|template|rename|allow-\S+|no-(auto-down|scripts)"
)
_SAME = {"yes": "on", "no": "off"}


def bridge_stanza(private: PrivateNetwork, network: IPv4Network, address: str) -> str:
    """The bridge as the notes have it in /etc/network/interfaces."""
    return f"""\
# This bridge is where all the VMs are connected. It bridges over the
# tagged interface.
auto {private.bridge}
iface {private.bridge} inet static
    address {address}
    netmask {network.netmask}
    network {network.network_address}
    broadcast {network.broadcast_address}
    bridge_ports {private.port}
    bridge_stp {"on" if private.stp else "off"}
    bridge_fd {private.forward_delay_s:g}
"""


def with_bridge(text: str, name: str, stanza: str) -> str:
    """The interfaces file with this stanza for the bridge.

    An ``inet`` stanza of the bridge that means the same stays as it is. Of one that means
    something else, the options that ours does not have stay (``mtu``, ``up``). Nothing else
    changes: neither an ``inet6`` stanza, nor what other interfaces have.
    """
    lines, ours = text.splitlines(), stanza.splitlines()
    head = f"iface {name} inet"
    begin = next(i for i, line in enumerate(ours) if line.startswith(head))
    auto = any(words[:1] == ["auto"] and name in words for words in map(str.split, lines))
    stanzas = [
        (start, end) for start, end in _stanzas(lines) if lines[start].split()[:3] == head.split()
    ]
    if not stanzas:
        new = "".join(f"{line}\n" for line in ours if not (auto and line == f"auto {name}"))
        return f"{text.rstrip()}\n\n{new}" if text.strip() else new
    same = [at for at in stanzas if _meaning(lines[slice(*at)]) == _meaning(ours[begin:])]
    start, end = (same or stanzas)[0]
    if same and auto:
        return text
    known = {key for key, _ in _options(ours[begin:])}
    kept = [line for key, line in _options(lines[start:end]) if key not in known]
    body = lines[start:end] if same else [*ours[begin:], *kept]
    before = lines[:start] if auto else [*lines[:start], f"auto {name}"]
    return "".join(f"{line}\n" for line in (*before, *body, *lines[end:]))


def _stanzas(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each stanza begins, and where it ends: only the next one's keyword ends it.

    Blank lines and comments in front of that keyword are the next one's.
    """
    starts = [i for i, line in enumerate(lines) if _STANZA.fullmatch(_first(line))]
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        while end > start + 1 and _first(lines[end - 1])[:1] in ("", "#"):
            end -= 1
        yield start, end


def _options(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The lines of a stanza behind its first, each with its option's name.

    bridge-utils takes ``bridge-ports`` for ``bridge_ports``; a line that ends in a backslash
    goes on in the next.
    """
    key = ""
    goes_on = False
    for line in lines[1:]:
        key = key if goes_on else _first(line).replace("-", "_")
        goes_on = line.endswith("\\")
        yield key, line


def _first(line: str) -> str:
    return "".join(line.split()[:1])


def _meaning(lines: Sequence[str]) -> tuple[object, ...]:
    """What matters of a bridge's stanza, whatever the spelling."""
    values = {key: " ".join(line.split()[1:]) for key, line in _options(lines)}
    address = values.get("address", "")
    if "/" not in address:
        address = f"{address}/{values.get('netmask', '')}"
    try:
        place = str(IPv4Interface(address))
        delay = float(values.get("bridge_fd", ""))
    except ValueError:
        return ()
    stp = values.get("bridge_stp", "")
    return (
        lines[0].split(),
        place,
        sorted(values.get("bridge_ports", "").split()),
        _SAME.get(stp, stp),
        delay,
    )


def with_hosts(text: str, wanted: Mapping[str, str]) -> str:
    """The hosts file in which these names (FQDN to address) have these addresses and no others.

    The lines look as Ganeti writes them itself, so that neither undoes the other's.
    """
    names = {word for fqdn in wanted for word in (fqdn, fqdn.split(".", 1)[0])}
    right = {(address, fqdn, fqdn.split(".", 1)[0]) for fqdn, address in wanted.items()}
    kept: list[str] = []
    found: set[tuple[str, ...]] = set()
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        entry = tuple(words)
        if entry in right and entry not in found:
            found.add(entry)
            kept.append(line)
        elif names.isdisjoint(words[1:]):
            kept.append(line)
        elif others := [word for word in words[1:] if word not in names]:
            kept.append("\t".join((words[0], " ".join(others))))
    kept += [f"{a}\t{fqdn} {short}" for a, fqdn, short in sorted(right - found)]
    return "".join(f"{line}\n" for line in kept)


def with_daemon_arguments(text: str, binds: Mapping[str, str]) -> str:
    """/etc/default/ganeti in which each daemon (``noded``) binds to its address.

    All other arguments stay. RAPI keeps ``--require-authentication``, Debian's default: without
    it most of what it answers, it answers to anybody.
    """
    lines = text.splitlines()
    for daemon, address in binds.items():
        key = f"{daemon.upper()}_ARGS"
        at = [i for i, line in enumerate(lines) if re.match(rf"\s*{key}=", line)]
        old = lines[at[-1]].partition("=")[2].strip().strip("\"'") if at else ""
        new = f'{key}="{" ".join(_bound(old.split(), daemon, address))}"'
        if at:
            lines[at[-1]] = new
        else:
            lines.append(new)
    return "".join(f"{line}\n" for line in lines)


def daemon_words(text: str, daemon: str) -> tuple[str, ...] | None:
    """The arguments that /etc/default/ganeti has for a daemon.

    None where only a shell could tell them. ``EXTRA_…_ARGS`` come last, as in daemon-util.
    """
    words: list[str] = []
    for key in (f"{daemon.upper()}_ARGS", f"EXTRA_{daemon.upper()}_ARGS"):
        found = re.findall(rf"^\s*(?:export\s+)?{key}=(.*)$", text, re.MULTILINE)
        if found and re.search(r"[$`\\]", found[-1]):
            return None
        words += found[-1].strip().strip("\"'").split() if found else []
    return tuple(words)


def _bound(words: Sequence[str], daemon: str, address: str) -> list[str]:
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in ("-b", "--bind"):
            next(rest, None)
        elif not re.match(r"--bind=|-b.", word):
            kept.append(word)
    if daemon == "rapi" and "--require-authentication" not in kept:
        kept.append("--require-authentication")
    return kept if address == ANY else ["-b", address, *kept]


def rapi_option(address: str) -> str:
    """The watcher's option for RAPI at this address; loopback needs none."""
    return "" if address in ("127.0.0.1", ANY) else f" --rapi-ip={address}"


def with_rapi_address(text: str, address: str) -> str:
    """Ganeti's cron file whose watcher asks RAPI at this address."""
    option = rapi_option(address)
    lines = []
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and "ganeti-watcher" in line:
            bare = re.sub(r" --rapi-ip[= ]\S+", "", line).rstrip()
            line = f"{bare}{option}"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)
