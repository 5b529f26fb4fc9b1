"""What nmap sees from where pytest runs: the public and the private side of every node.

python-nmap runs nmap; it has seen no release since 2021, so it stays behind :class:`Nmap`. Its
own reading of the XML loses the ports that nmap lists only by count, so that is done here.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address
from typing import Protocol
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import ParseError as XmlError

import nmap
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gntverify.cluster import Cluster, Node
from gntverify.controls import need
from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout, ParseError
from gntverify.evidence import Answer
from gntverify.site import Site

RUNNER = "outside"
PUBLIC_LIMIT_S = 300.0
PRIVATE_LIMIT_S = 60.0
PRIVATE_PORTS = "22,80,1811,1815,5080"
UDP_PORTS = "1814"


class Scanner(Protocol):
    """Who runs nmap: the machine where pytest runs, or a recording of it."""

    def ask(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """The answer of ``nmap -oX - … -p PORTS ADDRESS…``."""


class Nmap:
    """nmap on this machine, through python-nmap."""

    def ask(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """Run the scan that ``argv`` describes.

        Raises:
            CommandFailed: nmap is not there, or could not scan.
            CommandTimeout: it did not end within the scaled limit.
        """
        ports_at = argv.index("-p")
        limit_s = scaled(timeout_s)
        started = time.time()
        try:
            scanner = nmap.PortScanner()
            scanner.scan(
                hosts=" ".join(argv[ports_at + 2 :]),
                ports=argv[ports_at + 1],
                arguments=" ".join([*argv[3:ports_at], f"--host-timeout {limit_s:.0f}s"]),
                timeout=int(limit_s) + 10,
            )
        except nmap.PortScannerTimeout as err:
            raise CommandTimeout(f"`{' '.join(argv)}` was ended after {limit_s:.0f} s.") from err
        except nmap.PortScannerError as err:
            raise CommandFailed(_sentence(argv, str(err.value))) from err
        text = scanner.get_nmap_last_output()
        xml = text.decode(errors="surrogateescape") if isinstance(text, bytes) else str(text)
        return Answer(RUNNER, tuple(argv), 0, xml, "", started, time.time() - started)


def _sentence(argv: Sequence[str], said: str) -> str:
    if "not found in path" in said:
        return "nmap is not installed on the machine that runs pytest; `apt-get install nmap`."
    last = (said.strip() or "nothing was said").splitlines()[-1]
    return f"`{' '.join(argv)}` failed on the machine that runs pytest: {last}"


@dataclass(frozen=True)
class Seen:
    """One address as nmap saw it.

    Attributes:
        address: which.
        ports: protocol and port to state (``open``, ``closed``, ``filtered`` …).
        others: state of the ports that nmap gave by count only (TCP and UDP in one), to how many.
        scanned: protocols that were asked.
    """

    address: IPv4Address
    ports: Mapping[tuple[str, int], str]
    others: Mapping[str, int]
    scanned: frozenset[str]

    @property
    def open_tcp(self) -> frozenset[int]:
        """TCP ports that accept connections."""
        return frozenset(
            port for (kind, port), state in self.ports.items() if (kind, state) == ("tcp", "open")
        )

    @property
    def answered(self) -> bool:
        """Whether any port said anything at all: open, or closed."""
        return bool({"open", "closed"} & {*self.ports.values(), *self.others})

    def state(self, protocol: str, port: int) -> str:
        """State of one port; ``closed`` or ``filtered`` when nmap gave it by count.

        Raises:
            CommandFailed: it was not scanned: UDP takes root's rights.
        """
        if protocol not in self.scanned:
            raise CommandFailed(
                f"{protocol} port {port} of {self.address} was not scanned; a UDP scan takes "
                "root's rights: run pytest as root, or in the lab."
            )
        return self.ports.get((protocol, port)) or " or ".join(sorted(self.others))


def parse_scan(text: str) -> dict[IPv4Address, Seen]:
    """Address to what was seen, of those that are up and were scanned to the end.

    Raises:
        ParseError: the text is not nmap's XML, or its scan did not end well.
    """
    try:
        root = fromstring(text)
        if root.tag != "nmaprun" or root.find("runstats/finished[@exit='success']") is None:
            raise ParseError("nmap's XML does not tell that the scan was finished.")
        scanned = frozenset(info.attrib["protocol"] for info in root.iterfind("scaninfo"))
        hosts = [_seen(host, scanned) for host in root.iterfind("host") if _whole(host)]
        return {seen.address: seen for seen in hosts}
    except (XmlError, DefusedXmlException, KeyError, ValueError) as err:
        raise ParseError(f"nmap's XML was not understood: {err!r}.") from err


def _whole(host: Element) -> bool:
    status = host.find("status")
    up = status is not None and status.get("state") == "up"
    return up and host.get("timedout") != "true" and host.find("ports") is not None


def _seen(host: Element, scanned: frozenset[str]) -> Seen:
    (address,) = host.findall("address[@addrtype='ipv4']")
    ports = {
        (port.attrib["protocol"], int(port.attrib["portid"])): state.attrib["state"]
        for port in host.iterfind("ports/port")
        for state in port.iterfind("state")
    }
    others = {
        extra.attrib["state"]: int(extra.attrib["count"])
        for extra in host.iterfind("ports/extraports")
    }
    return Seen(IPv4Address(address.attrib["addr"]), ports, others, scanned)


class Outside:
    """The cluster from outside; each network is scanned once, when first asked for."""

    def __init__(
        self,
        public: Mapping[str, IPv4Address],
        private: Mapping[str, IPv4Address],
        scanner: Scanner,
        *,
        raw: bool,
    ) -> None:
        """Scan nothing yet.

        Args:
            public: node's name to the address on the provider's network.
            private: node's name, and the cluster's, to the address on the private network.
            scanner: who scans.
            raw: whether raw packets may be sent: half-open connections, and UDP.
        """
        self._addresses = {"public": dict(public), "private": dict(private)}
        self._scanner = scanner
        self._raw = raw
        self._answers: dict[str, Future[Answer]] = {}
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nmap")

    def start(self) -> None:
        """Begin with both networks now, without waiting for what they show."""
        for side, addresses in self._addresses.items():
            if addresses and side not in self._answers:
                argv = self._argv(side)
                limit_s = PUBLIC_LIMIT_S if side == "public" else PRIVATE_LIMIT_S
                self._answers[side] = self._pool.submit(self._scanner.ask, argv, timeout_s=limit_s)

    @property
    def answers(self) -> list[Answer]:
        """What nmap printed so far: evidence."""
        done = (future for future in self._answers.values() if future.done())
        return [future.result() for future in done if future.exception() is None]

    def places(self, names: Iterable[str]) -> Iterator[tuple[str, str, IPv4Address]]:
        """Name, side (``public``, ``private``) and address of all that these names have."""
        for name in names:
            for side, addresses in self._addresses.items():
                if name in addresses:
                    yield name, side, addresses[name]

    def public(self, node: str) -> Seen:
        """The node's public address: all TCP ports, and confd's.

        Raises:
            NotApplicable: it has none.
            CommandFailed: nothing came back from there, so nothing can be told.
        """
        return self._of("public", node, "site.network.public describes it")

    def private(self, name: str) -> Seen:
        """The private address of a node or of the cluster: Ganeti's ports and ssh.

        Raises:
            CommandFailed: nothing came back from there, so nothing can be told.
        """
        return self._of("private", name, "pytest must run where the private network is reached")

    def _of(self, side: str, name: str, hint: str) -> Seen:
        address = need(self._addresses[side].get(name), f"{name} has no {side} address")
        seen = (self._seen_public if side == "public" else self._seen_private).get(address)
        if seen is None or not seen.answered:
            raise CommandFailed(
                f"Nothing came back from {address}, the {side} address of {name!r}, when nmap "
                f"asked from this machine, so what it shows to the outside is unknown; {hint}."
            )
        return seen

    @cached_property
    def _seen_public(self) -> Mapping[IPv4Address, Seen]:
        return self._scanned("public")

    @cached_property
    def _seen_private(self) -> Mapping[IPv4Address, Seen]:
        return self._scanned("private")

    def _scanned(self, side: str) -> Mapping[IPv4Address, Seen]:
        self.start()
        return parse_scan(self._answers[side].result().text())

    def _argv(self, side: str) -> list[str]:
        tcp = "1-65535" if side == "public" else PRIVATE_PORTS
        kinds = ["-sS", "-sU"] if self._raw else ["-sT"]
        ports = f"T:{tcp},U:{UDP_PORTS}" if self._raw else tcp
        addresses = [str(address) for address in self._addresses[side].values()]
        return [
            *["nmap", "-oX", "-", "-n", *kinds, "-T4", "--max-retries", "3"],
            *["-PE", "-PS22,1811", "-p", ports, *addresses],
        ]


def outside_of(cluster: Cluster, site: Site, scanner: Scanner, *, raw: bool) -> Outside:
    """The outside of a cluster, on the addresses that the site names or else the nodes have."""
    public = {
        node.name: address
        for node in cluster.nodes
        if (address := public_address(node, cluster, site)) is not None
    }
    private = {node.name: node.primary_ip for node in cluster.nodes}
    return Outside(public, private | {cluster.name: cluster.address}, scanner, raw=raw)


def here(cluster: Cluster, site: Site) -> Outside:
    """The outside as seen from this machine."""
    return outside_of(cluster, site, Nmap(), raw=os.geteuid() == 0)


def public_address(node: Node, cluster: Cluster, site: Site) -> IPv4Address | None:
    """The node's public address: the site's word, or its first one on the public interface.

    On a node with one network there is none: an address that Ganeti uses is not public.
    """
    declared = site.node(node.name)
    if declared and declared.public:
        return declared.public
    ours = {node.primary_ip, node.secondary_ip, cluster.address}
    found = [
        address.ip
        for address in node.addresses
        if address.link == site.network.public.interface and address.ip not in ours
    ]
    return found[0] if found else None
