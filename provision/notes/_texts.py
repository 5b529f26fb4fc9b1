"""Files of a node with our part in them: text in, text out; everybody else's lines stay."""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

from gntverify.site.model import PrivateNetwork

ANY = "0.0.0.0"  # noqa: S104 - the word for "no -b"; nothing is bound here
_STANZA = re.compile(r"(iface|auto|mapping|source|source-directory|rename|allow-\S+|no-\S+)\b")


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
    """The interfaces file with this stanza for the bridge, in place of any other of its own."""
    if stanza in text:
        return text
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        words = line.split()
        if words and _STANZA.match(words[0]):
            inside = words[0] == "iface" and words[1:2] == [name]
            if words[0] == "auto" and words[1:] == [name]:
                continue
        elif not words or words[0].startswith("#"):
            inside = inside and bool(words)
        if not inside:
            kept.append(line)
    body = "\n".join(line for line in kept if line not in stanza.splitlines()[:2]).rstrip()
    return f"{body}\n\n{stanza}" if body else stanza


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


def with_rapi_address(text: str, address: str) -> str:
    """Ganeti's cron file whose watcher asks RAPI at this address; loopback needs no option."""
    option = "" if address in ("127.0.0.1", ANY) else f" --rapi-ip={address}"
    lines = []
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and "ganeti-watcher" in line:
            bare = re.sub(r" --rapi-ip[= ]\S+", "", line).rstrip()
            line = f"{bare}{option}"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)
