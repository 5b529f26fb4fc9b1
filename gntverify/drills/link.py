"""A link for restored guests that leads nowhere: shown to be so before a guest is on it.

A Linux host answers ARP for each of its addresses on every interface, and takes what is sent to
them wherever it comes in; a bridge without ports is therefore no isolation from the node itself.
So whatever the bridge hands to the node is dropped. Guests are asked from a network namespace
beside them, which ends with the process that asks.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from gntverify.drills.ledger import Entry
from gntverify.drills.operator import Operator
from gntverify.errors import ParseError

if TYPE_CHECKING:
    from gntverify.cluster import Cluster, Node
    from gntverify.site import Site

LIMIT_S = 60.0
LISTEN_S = 3
_MAKE = """\
set -e
ip link add "$1" type bridge
ip link set "$1" alias "$2"
without=/proc/sys/net/ipv6/conf/$1/disable_ipv6
[ ! -e "$without" ] || echo 1 > "$without"
tc qdisc add dev "$1" clsact
tc filter add dev "$1" ingress matchall action drop
ip link set "$1" up
cat /sys/class/net/$1/address
"""
_BESIDE = """\
exec unshare -n sh -c '
v=gv$$
ip link add eth0 type veth peer name $v netns 1 &&
nsenter -t 1 -n ip link set $v master "$1" up &&
ip link set lo up && ip link set eth0 up &&
ip address add "$2/32" dev eth0 && ip route add default dev eth0 &&
shift 2 && exec python3 -c "$@"
' sh "$@"
"""
# Who answers ARP, and who takes a packet that is sent to the bridge itself.
_WHO = """\
import json, socket, struct, subprocess, sys, time
ours, bridge, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
targets = sys.argv[4:]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind(("eth0", 0x0806))
mac = wire.getsockname()[4]
head = b"\\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
answered = set()
for turn in range(3):
    for target in targets:
        wire.send(head + mac + socket.inet_aton(ours) + b"\\0" * 6 + socket.inet_aton(target))
    end = time.monotonic() + seconds / 3
    while time.monotonic() < end:
        wire.settimeout(max(0.01, end - time.monotonic()))
        try:
            frame = wire.recv(2048)
        except OSError:
            break
        if len(frame) >= 42 and frame[20:22] == b"\\0\\2":
            answered.add(socket.inet_ntoa(frame[28:32]))
for target in targets:
    neighbour = ["ip", "neigh", "replace", target, "lladdr", bridge, "dev", "eth0"]
    subprocess.run(neighbour, check=True)
null = subprocess.DEVNULL
pings = {t: subprocess.Popen(["ping", "-c1", "-W2", t], stdout=null) for t in targets}
answered |= {target for target, ping in pings.items() if ping.wait() == 0}
print(json.dumps(sorted(answered & set(targets))))
"""
_PROBE = """\
import http.client, json, socket, subprocess, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
kind, address, port, path, limit = sys.argv[1:6]
try:
    if kind == "ping":
        done = subprocess.run(["ping", "-c1", "-W2", address], capture_output=True, text=True)
        said, error = "", "" if done.returncode == 0 else "no echo"
    elif kind == "tcp":
        socket.create_connection((address, int(port)), float(limit)).close()
        said, error = "", ""
    else:
        url = "http://%s:%s%s" % (address, port, path)
        with opener.open(url, timeout=float(limit)) as reply:
            said, error = reply.read(65536).decode("utf-8", "replace"), ""
except (OSError, http.client.HTTPException) as err:
    said, error = "", str(err) or type(err).__name__
print(json.dumps([said, error]))
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A bridge without ports on one node.

    Attributes:
        name: of the bridge.
        mac: of the bridge itself.
        entry: the ledger's.
    """

    node: "Node"
    name: str
    mac: str
    entry: Entry


def make_link(operator: Operator, node: "Node") -> Link:
    """A new bridge on that node, to which nothing belongs.

    Raises:
        CommandFailed, CommandTimeout: it could not be made.
    """
    name, alias = f"gntv{operator.run}", f"gntverify:{operator.run}"
    ours = f'[ "$(cat /sys/class/net/{name}/ifalias 2>/dev/null)" = {alias} ]'
    entry = operator.ledger.undo(
        f"the bridge {name} on {node.short}", node.name, f"! {ours} || ip link delete {name}"
    )
    mac = operator.on(node, _MAKE, name, alias).strip()
    return Link(node, name, mac, entry)


def production(cluster: "Cluster", site: "Site") -> frozenset[IPv4Address]:
    """Addresses that a drill's guest must not reach: of nodes, cluster, gateways, instances."""
    copies = cluster.ssconf
    found = {*copies.primary_ips.values(), *copies.secondary_ips.values(), cluster.address}
    found |= {server.ip for node in cluster.nodes for server in node.addresses}
    gateway = site.network.public.gateway
    own = {nic.ip for one in cluster.instances.values() for nic in one.nics if nic.ip}
    found |= {IPv4Address(ip) for ip in own} | ({gateway} if gateway else set())
    return frozenset(one for one in found if not one.is_loopback)


def reached(operator: Operator, link: Link, targets: Iterable[IPv4Address]) -> list[str]:
    """Those of the addresses that answer somebody on the link; none, if it is isolated.

    Raises:
        CommandFailed, CommandTimeout, ParseError: it could not be tried.
    """
    names = sorted(map(str, targets))
    ours = "198.18.0.1"  # RFC 2544: of nobody
    found = _beside(
        operator, link, ours, _WHO, ours, link.mac, str(LISTEN_S), *names, limit_s=LIMIT_S
    )
    return [str(name) for name in found]


def ask(
    operator: Operator, link: Link, address: IPv4Address, probe: Sequence[str]
) -> tuple[str, str]:
    """What a guest on the link answers to a neighbour: its answer, and why there is none.

    ``probe`` is its kind (ping, tcp, http), port and path.

    Raises:
        CommandFailed, CommandTimeout, ParseError: it could not be tried.
    """
    kind, port, path = probe
    argv = (kind, str(address), port, path, "5")
    said, error = _beside(operator, link, str(beside(address)), _PROBE, *argv, limit_s=LIMIT_S)
    return str(said), str(error)


def beside(address: IPv4Address) -> IPv4Address:
    """A neighbour's address, one that no network of 4 addresses or more has for itself."""
    last = int(address) & 0xFF
    return address - 1 if last % 4 == 2 else address + 1


def _beside(
    operator: Operator, link: Link, ours: str, script: str, *args: str, limit_s: float
) -> list[Any]:
    text = operator.on(link.node, _BESIDE, link.name, ours, script, *args, limit_s=limit_s)
    try:
        found = json.loads(text)
    except ValueError as err:
        raise ParseError(f"What asks beside a guest printed {text[:200]!r}.") from err
    if not isinstance(found, list):
        raise ParseError(f"What asks beside a guest printed {text[:200]!r}.")
    return found
