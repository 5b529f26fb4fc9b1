"""Traces: what a cluster consists of, before and after, so that nothing left behind is missed."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.cluster import Cluster, Node

Traces = Mapping[str, str]
LIMIT_S = 60.0
# Digests leave the node, the objects do not. What counts up by itself is left out, and the time of
# creation: a new master may write ...583.2817597 where the old one had ...583.28176.
_CONFIG = """\
import hashlib, json
DROP = {"serial_no", "mtime", "ctime", "highest_used_port", "tcpudp_port_pool", "osparams_secret"}
def bare(value):
    if isinstance(value, dict):
        return {key: bare(value[key]) for key in value if key not in DROP}
    return [bare(one) for one in value] if isinstance(value, list) else value
with open("/var/lib/ganeti/config.data") as file:
    config = json.load(file)
found = {}
for section, objects in config.items():
    if section in DROP | {"version"}:
        continue
    named = section in ("nodes", "instances", "nodegroups", "networks", "disks", "filters")
    for key, value in bare(objects).items() if isinstance(objects, dict) else ():
        name = value.get("name") or key if named else key
        text = json.dumps(value, sort_keys=True).encode()
        found["%s %s" % (section, name)] = hashlib.sha256(text).hexdigest()[:16]
print(json.dumps(found))
"""
_NODE = """\
for l in /sys/class/net/*; do
  n=${l##*/}; case $n in tap*|vif*|veth*|gnt.com.*) ;; *) echo "link $n";; esac
done
for n in /run/netns/*; do [ ! -e $n ] || echo "network namespace ${n##*/}"; done
for e in /var/lib/ganeti/export/*; do [ ! -e $e ] || echo "export ${e##*/}"; done
for f in /var/lib/gntverify/scratch/*; do [ ! -e $f ] || echo "directory $f"; done
for d in /etc/ganeti/hooks/*/*; do [ ! -e $d ] || echo "hook $d"; done
awk '$2 ~ "gntverify" || $2 ~ "^/var/lib/ganeti/" { print "mount " $2 }' /proc/mounts
command -v lvs >/dev/null || exit 0
volumes=$(lvs --noheadings --separator / -o vg_name,lv_name) || exit
[ -z "$volumes" ] || printf '%s\\n' "$volumes" | sed 's/^ */volume /'
"""


def read_traces(cluster: "Cluster", master: "Node") -> Traces:
    """Object to a digest of it: the configuration's, and by node what lies on it.

    Raises:
        CommandFailed, CommandTimeout, ParseError: something was not told.
    """
    config = master.source.ask(["python3", "-c", _CONFIG], timeout_s=LIMIT_S, fresh=True).text()
    found = dict(parse_config(config))
    for node in cluster.nodes:
        text = node.source.ask(["sh", "-c", _NODE], timeout_s=LIMIT_S, fresh=True).text()
        found |= {f"{node.short}: {line}": "" for line in text.splitlines()}
    return found


def parse_config(text: str) -> Traces:
    """Digests of the configuration's objects.

    Raises:
        ParseError: it is no object of texts, or an empty one.
    """
    try:
        found = json.loads(text)
    except ValueError as err:
        raise refuse("config.data", text) from err
    if not isinstance(found, dict) or not found:
        raise ParseError("config.data has no objects.")
    return {str(name): str(digest) for name, digest in found.items()}


def difference(before: Traces, after: Traces) -> list[str]:
    """What came, went or changed, a phrase each."""
    return [
        *(f"{name} was not there before" for name in _sorted(after.keys() - before.keys())),
        *(f"{name} is gone" for name in _sorted(before.keys() - after.keys())),
        *(
            f"{name} has changed"
            for name in _sorted(before.keys() & after.keys())
            if before[name] != after[name]
        ),
    ]


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names)
