"""What nmap sees from where pytest runs: the public and the private side of every node.

Two scans: Ganeti's own ports on both sides, which is quick even where a firewall drops packets,
and every TCP port of the public addresses, which is not.

python-nmap runs nmap; it has seen no release since 2021, so it stays behind :class:`Nmap`. Its
own reading of the XML loses the ports that nmap lists only by count, so that is done here.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import ParseError as XmlError

import nmap
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gntverify import evidence
from gntverify.cluster import Cluster, Node
from gntverify.controls import need
from gntverify.deadline import scaled
from gntverify.errors import NOT_TOLD, CommandFailed, ParseError
from gntverify.evidence import Answer
from gntverify.site import Site

RUNNER = "outside"
EVERY_LIMIT_S = 300.0
GANETI_LIMIT_S = 60.0
GANETI_TCP = "22,80,1811,1815,5080"
GANETI_UDP = "1814"


MORTAL = str(Path(__file__).parent / "bin" / "nmap")
"""nmap that does not outlive us."""

HINTS = {
    "public": "nothing came back; site.network.public describes the network",
    "private": "nothing came back; pytest must run where the private network is reached",
}


class Scanner(Protocol):
    """Who runs nmap: the machine where pytest runs, or a recording of it."""

    def ask(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """The answer of ``nmap -oX - … -p PORTS ADDRESS…``."""

    def close(self) -> None:
        """End what still runs."""


class Nmap:
    """nmap on this machine, through python-nmap."""

    def ask(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """Run the scan that ``argv`` describes; a failure is an answer, as a host's is."""
        ports_at = argv.index("-p")
        limit_s = scaled(timeout_s)
        started = time.time()
        try:
            scanner = nmap.PortScanner(nmap_search_path=(MORTAL, "nmap"))
            scanner.scan(
                hosts=" ".join(argv[ports_at + 2 :]),
                ports=argv[ports_at + 1],
                arguments=" ".join([*argv[3:ports_at], f"--host-timeout {limit_s:.0f}s"]),
                timeout=int(limit_s) + 10,
            )
        except nmap.PortScannerTimeout:
            return Answer(RUNNER, tuple(argv), None, "", "", started, time.time() - started)
        except nmap.PortScannerError as err:
            said = _sentence(str(err.value))
            return Answer(RUNNER, tuple(argv), 1, "", said, started, time.time() - started)
        text = scanner.get_nmap_last_output()
        xml = text.decode(errors="surrogateescape") if isinstance(text, bytes) else str(text)
        return Answer(RUNNER, tuple(argv), 0, xml, "", started, time.time() - started)

    def close(self) -> None:
        """End the scans that still run; python-nmap keeps no handle of them."""
        for pid in scans_of(os.getpid()):
            with contextlib.suppress(OSError):  # it has ended by itself meanwhile
                os.kill(pid, signal.SIGTERM)


def scans_of(parent: int) -> Iterator[int]:
    """Process ids of a process's nmaps. Its threads, and they, may end while we look."""
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for pid in children.read_text().split():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text() == "nmap\n":
                        yield int(pid)


def _sentence(said: str) -> str:
    if re.search(r"nmap.*not found|failed to execute", said):
        return "nmap is not installed on the machine that runs pytest; `apt-get install nmap`"
    return (said.strip() or "nothing was said").splitlines()[-1]


@dataclass(frozen=True)
class Seen:
    """One address as nmap saw it.

    Attributes:
        address: which.
        ports: protocol and port to state (``open``, ``closed``, ``filtered`` …).
        others: state of the ports that nmap gave by count only (TCP and UDP in one), to how many.
        scanned: protocols that were asked.
        whole: whether nmap came to an end with it, and did not give up at its limit.
    """

    address: IPv4Address
    ports: Mapping[tuple[str, int], str]
    others: Mapping[str, int]
    scanned: frozenset[str]
    whole: bool = True

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
    """Address to what was seen, of those that are up.

    Raises:
        ParseError: the text is not nmap's XML, or its scan did not end well.
    """
    try:
        root = fromstring(text)
        if root.tag != "nmaprun" or root.find("runstats/finished[@exit='success']") is None:
            raise ParseError("nmap's XML does not tell that the scan was finished.")
        scanned = frozenset(info.attrib["protocol"] for info in root.iterfind("scaninfo"))
        hosts = [_seen(host, scanned) for host in root.iterfind("host") if _up(host)]
        return {seen.address: seen for seen in hosts}
    except (XmlError, DefusedXmlException, KeyError, ValueError) as err:
        raise ParseError(f"nmap's XML was not understood: {err!r}.") from err


def _up(host: Element) -> bool:
    status = host.find("status")
    return status is not None and status.get("state") == "up"


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
    whole = host.get("timedout") != "true" and host.find("ports") is not None
    return Seen(IPv4Address(address.attrib["addr"]), ports, others, scanned, whole)


class Outside:
    """The cluster from outside; each scan runs once, and both begin together."""

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
        self._seen: dict[str, Mapping[IPv4Address, Seen]] = {}
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nmap")

    def start(self) -> None:
        """Begin with both scans now, without waiting for what they show."""
        for scan, limit_s in (("ganeti", GANETI_LIMIT_S), ("every", EVERY_LIMIT_S)):
            argv = self._argv(scan)
            if argv and scan not in self._answers:
                self._answers[scan] = self._pool.submit(self._scanner.ask, argv, timeout_s=limit_s)

    def close(self) -> None:
        """End what still runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._scanner.close()

    @property
    def answers(self) -> list[Answer]:
        """What nmap printed so far: evidence."""
        done = (future for future in self._answers.values() if future.done())
        return [
            future.result()
            for future in done
            if not future.cancelled() and future.exception() is None
        ]

    def places(self, names: Iterable[str]) -> Iterator[tuple[str, str, IPv4Address]]:
        """Name, side (``public``, ``private``) and address of all that these names have."""
        for name in names:
            for side, addresses in self._addresses.items():
                if name in addresses:
                    yield name, side, addresses[name]

    def every_port(self, node: str) -> Seen:
        """The node's public address, all its TCP ports.

        Raises:
            NotApplicable: it has none.
            CommandFailed: nothing came back from there, so nothing can be told.
        """
        return self._look("every", "public", node)

    def ganeti_ports(self, side: str, name: str) -> Seen:
        """An address of a node or of the cluster: Ganeti's ports and ssh's.

        Raises:
            CommandFailed: nothing came back from there, so nothing can be told.
        """
        return self._look("ganeti", side, name)

    def _look(self, scan: str, side: str, name: str) -> Seen:
        address = need(self._addresses[side].get(name), f"{name} has no {side} address")
        self.start()
        answer = self._answers[scan].result()
        evidence.note(answer.key)
        seen = self._parsed(answer).get(address)
        if seen is None or not (seen.whole and seen.answered):
            late = "nmap gave up at its time limit" if seen and not seen.whole else HINTS[side]
            raise CommandFailed(
                f"Nothing can be told of {address}, the {side} address of {name!r}, as it is seen "
                f"from this machine: {late}."
            )
        return seen

    def _parsed(self, answer: Answer) -> Mapping[IPv4Address, Seen]:
        if answer.key not in self._seen:
            self._seen[answer.key] = parse_scan(answer.text())
        return self._seen[answer.key]

    def _argv(self, scan: str) -> list[str]:
        """The scan's command; empty where there is no address to scan."""
        public, private = (self._addresses[side].values() for side in ("public", "private"))
        addresses = [*public, *private] if scan == "ganeti" else [*public]
        if not addresses:
            return []
        udp = self._raw and scan == "ganeti"
        kinds = ["-sS", *(["-sU"] if udp else [])] if self._raw else ["-sT"]
        tcp = GANETI_TCP if scan == "ganeti" else "1-65535"
        ports = f"T:{tcp},U:{GANETI_UDP}" if udp else tcp
        return [
            *["nmap", "-oX", "-", "-n", *kinds, "-T4", "--max-retries", "3"],
            *["-PE", "-PS22,1811", "-p", ports, *map(str, dict.fromkeys(addresses))],
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


def public_address(node: Node, cluster: Cluster, site: Site) -> IPv4Address | None:
    """The node's public address: the site's word, or its first one on the public interface.

    On a node with one network there is none, unless the address that Ganeti uses is a global one.
    """
    declared = site.node(node.name)
    if declared and declared.public:
        return declared.public
    if node.primary_ip.is_global:
        return node.primary_ip
    ours = {node.primary_ip, node.secondary_ip, cluster.address}
    try:
        addresses = node.addresses
    except NOT_TOLD:
        return None  # controls on addresses will meet the same, and tell
    found = [a.ip for a in addresses if a.link == site.network.public.interface]
    return next((ip for ip in found if ip not in ours), None)
