"""What nodes can do: answer commands, write and read a scratch volume, talk to each other."""

import json
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from gntverify.deadline import scaled
from gntverify.drills.operator import Operator
from gntverify.drills.reap import undo
from gntverify.errors import ParseError
from gntverify.facts.shape import checked, load_json, refuse
from gntverify.perf.bench import Bench

if TYPE_CHECKING:
    from gntverify.cluster import Node

COMMANDS = (
    ("gnt-cluster", "getmaster"),
    ("gnt-cluster", "info"),
    ("gnt-node", "list"),
    ("gnt-instance", "list"),
)
LIMIT_S = 120.0
DISK_S = 600.0
RANDOM_S = 3
NETWORK_S = 3
# Direct, so that no page cache answers; the buffer of an mmap is aligned as O_DIRECT wants it.
# O_EXCL on a block device: nobody has mounted it, and no mirror is on it.
_DISK = """\
import json, mmap, os, random, sys, time
path, mib, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
disk = os.open(path, os.O_RDWR | os.O_DIRECT | os.O_EXCL)
big = mmap.mmap(-1, 1 << 20)
big.write(os.urandom(1 << 20))
began = time.monotonic()
for number in range(mib):
    assert os.pwrite(disk, big, number << 20) == 1 << 20
os.fsync(disk)
wrote = time.monotonic() - began
began = time.monotonic()
for number in range(mib):
    assert os.preadv(disk, [big], number << 20) == 1 << 20
read = time.monotonic() - began
small, count, began = mmap.mmap(-1, 4096), 0, time.monotonic()
while time.monotonic() < began + seconds:
    os.preadv(disk, [small], random.randrange(mib << 8) << 12)
    count += 1
print(json.dumps([mib / wrote, mib / read, count / (time.monotonic() - began)]))
"""
_FIO = (
    "command -v fio >/dev/null || exit 0; fio --name=gntverify --filename=$1 --size=$2m "
    "--rw=randrw --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --time_based --runtime=$3 "
    "--output-format=json"
)
_RECEIVE = """\
import json, socket, sys, time
own, peer, port, token = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
with socket.create_server((own, port)) as server:
    server.settimeout(float(sys.argv[5]))
    while True:
        wire, (address, _) = server.accept()
        wire.settimeout(30)
        if address == peer and wire.recv(len(token), socket.MSG_WAITALL) == token:
            break
        wire.close()
count, began, room = 0, time.monotonic(), bytearray(1 << 20)
while got := wire.recv_into(room):
    count += got
print(json.dumps(count / (1 << 20) / (time.monotonic() - began)))
"""
_SEND = """\
import socket, sys, time
own, peer, port, token = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
end = time.monotonic() + float(sys.argv[5])
while True:
    try:
        wire = socket.create_connection((peer, port), 5, (own, 0))
        break
    except (ConnectionRefusedError, TimeoutError):
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
wire.sendall(token)
load, end = b"gntverify" * 29128, time.monotonic() + float(sys.argv[6])
while time.monotonic() < end:
    wire.sendall(load)
"""
MEET_S = 20.0


def measure_commands(bench: Bench) -> None:
    """How long Ganeti's commands take that only look; all of their fork, Python and luxid."""
    source = bench.operator.master.source

    def once(argv: Sequence[str]) -> float:
        answer = source.ask(argv, timeout_s=LIMIT_S, fresh=True)
        answer.text()
        return answer.seconds

    for argv in COMMANDS:
        bench.repeat("latency_s", f"`{' '.join(argv)}`", _bound(once, argv), bench.repeats)


def _bound(once: Callable[[Sequence[str]], float], argv: Sequence[str]) -> Callable[[], float]:
    return lambda: once(argv)


def measure_disk(bench: Bench, node: "Node", group: str) -> None:
    """How fast a scratch volume on a node is written and read; it is removed again.

    Raises:
        CommandFailed: there is no room for it in the volume group, or it could not be removed.
    """
    operator, mib = bench.operator, bench.site.perf.sample_mib
    name, tag = f"gntverify-{operator.run}-perf", f"gntverify:run:{operator.run}"
    volume = f"{group}/{name}"
    ours = f"tags=$(lvs --noheadings -o lv_tags -S 'lv_name=\"{name}\"' {group}) || exit; "
    entry = operator.ledger.undo(
        f"a scratch volume on {node.short}",
        node.name,
        f"{ours}case $tags in *{tag}*) lvremove -q -f {volume} ;; esac",
    )
    make = f"lvcreate -q -y -W n --addtag {tag} -L {mib}m -n {name} {group}"
    with operator.step(f"a scratch volume of {mib} MiB on {node.short}"):
        operator.on(node, make)
        try:
            _tried_disk(bench, node, f"/dev/{volume}")
        finally:
            undo(operator, entry)


def _tried_disk(bench: Bench, node: "Node", path: str) -> None:
    mib = str(bench.site.perf.sample_mib)
    rows = []
    for _ in range(bench.repeats):
        argv = ('exec python3 -c "$@"', _DISK, path, mib, str(RANDOM_S))
        rows.append(disk_rates(bench.operator.on(node, *argv, limit_s=DISK_S)))
    write, read, random = zip(*rows, strict=True)
    bench.keep("disk_write_mib_s", node.short, write)
    bench.keep("disk_read_mib_s", node.short, read)
    bench.keep("disk_random_io_s", f"{node.short}, one at a time", random)
    deep = [_fio(bench.operator, node, path, mib) for _ in range(bench.repeats)]
    told = [value for value in deep if value is not None]
    if told:
        bench.keep("disk_random_io_s", f"{node.short}, fio, 32 at a time", told)


def disk_rates(text: str) -> tuple[float, float, float]:
    """MiB/s written and read one after the other, and reads of 4 KiB a second anywhere.

    Raises:
        ParseError: it is no three amounts.
    """
    found = checked(list[float], load_json(text, "python3"), "python3")
    if len(found) != 3 or min(found) <= 0:
        raise refuse("python3", text)
    return found[0], found[1], found[2]


def _fio(operator: Operator, node: "Node", path: str, mib: str) -> float | None:
    return fio_rate(operator.on(node, _FIO, path, mib, str(RANDOM_S), limit_s=DISK_S))


def fio_rate(text: str) -> float | None:
    """Reads and writes a second of ``fio --output-format=json``; None: there is no fio.

    Raises:
        ParseError: it is something else.
    """
    if not text.strip():
        return None
    try:
        (job,) = json.loads(text[text.index("{") :])["jobs"]
        return float(job["read"]["iops"]) + float(job["write"]["iops"])
    except (ValueError, TypeError, KeyError) as err:
        raise refuse("fio", text) from err


def measure_network(bench: Bench, sender: "Node", receiver: "Node") -> None:
    """How much a node gets over to another between their replication addresses.

    Raises:
        CommandFailed: they did not come together; is the port filtered?
    """
    place = f"{sender.short} → {receiver.short}"
    with bench.operator.step(f"network {place}"):
        values = [_sent(bench.operator, sender, receiver) for _ in range(bench.repeats)]
    bench.keep("network_mib_s", place, values)


def _sent(operator: Operator, sender: "Node", receiver: "Node") -> float:
    """MiB/s that came; by sockets of our own, nothing needs to be installed."""
    port, token = str(20000 + secrets.randbelow(10000)), secrets.token_hex(8)
    ends = str(sender.secondary_ip), str(receiver.secondary_ip)
    run, meet = 'exec python3 -c "$@"', str(scaled(MEET_S))
    with ThreadPoolExecutor(2) as pool:
        listen = partial(operator.on, receiver, run, _RECEIVE, *ends[::-1], port, token, meet)
        receives = pool.submit(copy_context().run, listen)
        argv = (run, _SEND, *ends, port, token, meet, str(NETWORK_S))
        operator.on(sender, *argv)
        text = receives.result()
    value = load_json(text, "python3")
    if not isinstance(value, float) or value <= 0:
        raise ParseError(f"The receiver on {receiver.name!r} told no rate: {text[:200]!r}.")
    return value
