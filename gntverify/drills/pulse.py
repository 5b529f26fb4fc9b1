"""What the probe guest says of itself over HTTP: its name, its heartbeat, and its canary.

The heartbeat is written to the disk before it is told, so it never goes backwards: not over a
migration, and not over a boot after a crash.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.deadline import scaled
from gntverify.facts.shape import checked, load_json, number, refuse

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from gntverify.transport.source import Source

TOOL = "the probe guest"
LIMIT_S = 30.0
READ_S = 60.0
"""For the guest to read its data: 4 MiB."""
# Without a proxy, whatever the node's environment says. HTTPException is no OSError.
_ASK = """\
import http.client, json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
said = {}
try:
    for name in ("hostname", "heartbeat", "canary"):
        with opener.open("http://%s/%s.txt" % (sys.argv[1], name), timeout=5) as reply:
            said[name] = reply.read(4096).decode("utf-8", "replace").strip()
except (OSError, http.client.HTTPException) as err:
    said = {"silent": str(err) or repr(err)}
print(json.dumps(said))
"""
_READ = """\
import http.client, json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    url = "http://%s/cgi-bin/canary" % sys.argv[1]
    with opener.open(url, timeout=float(sys.argv[2])) as reply:
        said = {"canary": reply.read(4096).decode("utf-8", "replace").strip()}
except (OSError, http.client.HTTPException) as err:
    said = {"silent": str(err) or repr(err)}
print(json.dumps(said))
"""
_WHOLE = re.compile(r"(canary [0-9]{1,18} [0-9]{1,18} ok|ok [0-9]{1,18})")
_BROKEN = re.compile(r"(?:canary \S+ \S+ )?broken:? (.+)")


@dataclass(frozen=True, slots=True)
class Pulse:
    """An answer of the guest.

    Attributes:
        name: its host name.
        beat: its heartbeat, one more every two seconds.
        broken: what of its data is not as it was written; empty when all is.
    """

    name: str
    beat: int
    broken: str = ""


def parse_pulse(text: str) -> tuple[Pulse | None, str]:
    """The guest's answer, or None; and in words what was seen.

    Raises:
        ParseError: what answers is no probe guest.
    """
    said = checked(dict[str, str], load_json(text, TOOL), TOOL)
    if said.keys() == {"silent"}:
        return None, said["silent"]
    if said.keys() != {"hostname", "heartbeat", "canary"}:
        raise refuse(TOOL, text)
    broken = _broken(said["canary"])
    beat = number(TOOL, said["heartbeat"])
    if beat < 0 or not said["hostname"]:
        raise refuse(TOOL, text)
    pulse = Pulse(said["hostname"], beat, broken)
    return pulse, f"{pulse.name} at heartbeat {beat}"


def _broken(canary: str) -> str:
    found = _BROKEN.fullmatch(canary)
    if not found and not _WHOLE.fullmatch(canary):
        raise refuse(TOOL, canary)
    return found[1] if found else ""


def read_pulse(source: "Source", address: "IPv4Address") -> tuple[Pulse | None, str]:
    """Ask the guest from a node, now."""
    argv = ["python3", "-c", _ASK, str(address)]
    return parse_pulse(source.ask(argv, timeout_s=LIMIT_S, fresh=True).text())


def parse_data(text: str) -> str:
    """What is wrong with the guest's data as it reads it now; empty when nothing is.

    Raises:
        ParseError: what answers is no probe guest.
    """
    said = checked(dict[str, str], load_json(text, TOOL), TOOL)
    if said.keys() == {"silent"}:
        return f"its data was not read: {said['silent']}"
    if said.keys() != {"canary"}:
        raise refuse(TOOL, text)
    broken = _broken(said["canary"])
    return f"its data is broken: {broken}" if broken else ""


def read_data(source: "Source", address: "IPv4Address") -> str:
    """Have the guest read its data from the disk, now; what is wrong with it."""
    argv = ["python3", "-c", _READ, str(address), str(scaled(READ_S))]
    return parse_data(source.ask(argv, timeout_s=READ_S + LIMIT_S, fresh=True).text())


def lost(before: Pulse, after: Pulse) -> list[str]:
    """What the second answer says was lost since the first, a phrase each."""
    wrong = []
    if after.name != before.name:
        wrong.append(f"{after.name!r} answers instead of {before.name!r}")
    if after.beat < before.beat:
        wrong.append(f"its data went back from heartbeat {before.beat} to {after.beat}")
    if after.broken:
        wrong.append(f"its data is broken: {after.broken}")
    return wrong
