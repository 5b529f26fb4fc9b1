"""The mirrors of one instance: between which nodes, and under which minors of DRBD.

`gnt-instance info` tells them too, among a page that differs from version to version, and asks the
nodes for it; the configuration on the master is the same data, and told also when a node is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed
from gntverify.facts.shape import checked, load_json, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "config.data"
LIMIT_S = 30.0
# A logical id of DRBD: two nodes, the port, two minors, and a secret that stays where it is.
_SCRIPT = """\
import json, sys
with open("/var/lib/ganeti/config.data") as file:
    config = json.load(file)
names = {uuid: node["name"] for uuid, node in config["nodes"].items()}
ours = [one for one in config["instances"].values() if one.get("name") == sys.argv[1]]
disks = [config["disks"][uuid] for one in ours for uuid in one["disks"]]
ids = [disk["logical_id"] for disk in disks if disk["dev_type"] == "drbd"]
print(json.dumps([
    {"port": one[2], "minors": {names[one[0]]: one[3], names[one[1]]: one[4]}} for one in ids
]))
"""


@dataclass(frozen=True, slots=True)
class Mirror:
    """One mirrored disk.

    Attributes:
        port: on which both of its nodes listen.
        minors: node, an FQDN, to the minor it has there.
    """

    port: int
    minors: Mapping[str, int]


def command(instance: str) -> list[str]:
    """What prints the mirrors of an instance for :func:`parse_mirrors`."""
    return ["python3", "-c", _SCRIPT, instance]


def parse_mirrors(text: str) -> tuple[Mirror, ...]:
    """Mirrors in the order of their disks; none for an instance that is not mirrored.

    Raises:
        ParseError: it is no list of mirrors, each between two nodes.
    """
    rows = checked(list[dict[str, object]], load_json(text, TOOL), TOOL)
    found = []
    for row in rows:
        port = checked(int, row.get("port"), TOOL)
        minors = checked(dict[str, int], row.get("minors"), TOOL)
        if len(minors) != 2 or min(minors.values()) < 0 or not 0 < port < 65536:
            raise refuse(TOOL, str(row))
        found.append(Mirror(port, minors))
    return tuple(found)


def read_mirrors(source: "Source", instance: str) -> tuple[Mirror, ...]:
    """Ask the master, now.

    Raises:
        CommandFailed: the instance has no mirrored disk, or is not there.
    """
    text = source.ask(command(instance), timeout_s=LIMIT_S, fresh=True).text()
    found = parse_mirrors(text)
    if not found:
        raise CommandFailed(f"The configuration has no mirrored disk of {instance!r}.")
    return found
