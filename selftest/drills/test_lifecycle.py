"""The life of an instance, told by a cluster that does as it is told, or not quite."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drills import console, lifecycle
from gntverify.drills.console import Seen
from gntverify.drills.ledger import Entry
from gntverify.drills.lifecycle import Life
from gntverify.errors import CommandFailed
from gntverify.ganeti.instances import Instance, Nic
from gntverify.ganeti.jobs import Job
from gntverify.ganeti.qemu import Machine

RUN, BRIDGE = "a1b2c3", "xen-br0"
NODE = "node1.gnt.example"
Argv = tuple[str, ...]


class Cluster:
    """A cluster of one instance, as far as the drills look; it does not do what is ``broken``."""

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.run, self.took = RUN, dict[str, float]()
        self.jobs: list[Argv] = []
        self.entries: list[Entry] = []
        self.there: dict[str, Instance] = {}
        self.boot: Argv = ()
        self.running: set[str] = set()
        self.live: dict[str, Instance] = {}
        self.source = SimpleNamespace(name="node1")
        self.nodes = [SimpleNamespace(name=NODE, short="node1", source=self.source)]
        self.master, self.cluster = self.nodes[0], self
        self.ledger = SimpleNamespace(undo=self._enter, entries=self.entries)

    def _enter(self, name: str, node: str, text: str) -> Entry:
        self.entries.append(Entry(RUN, len(self.entries) + 1, "undo", name, node, text, 0.0))
        return self.entries[-1]

    def node(self, name: str) -> Any:
        """The only one."""
        assert name == NODE
        return self.nodes[0]

    def name(self, number: int) -> str:
        """As an operator names."""
        return f"gntverify-{RUN}-{number}"

    def instances(self) -> dict[str, Instance]:
        """Those there are."""
        return dict(self.there)

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Not told here."""
        assert words
        yield

    def on(self, node: Any, text: str, *args: str) -> str:
        """The CD is put there, or an export is not there."""
        assert node is self.master
        assert text == lifecycle._PUT or text.startswith("[ ! -e")
        assert args
        return ""

    def creating(self, name: str, *options: str) -> Argv:
        """As an operator does."""
        self._enter(f"instance {name}", "", "")
        return (*options, name)

    def job(self, *argv: str, limit_s: float) -> Job:
        """Do what is asked."""
        assert limit_s > 0
        self.jobs.append(argv)
        verb, name = f"{argv[0]} {argv[1]}", argv[-3] if argv[1] == "grow-disk" else argv[-1]
        if verb == self.broken:
            return Job(9, "success", ("- WARNING: it did not do it",))
        getattr(self, f"_{argv[1].replace('-', '_')}")(name, argv)
        return Job(9, "success")

    def _add(self, name: str, argv: Argv) -> None:
        assert {"--no-start", "--no-install"} < set(argv)
        nic = Nic("bridged", BRIDGE, "aa:00:00:00:00:00", "")
        nics = tuple(replace(nic, mac=f"{nic.mac[:-1]}{n}") for n in range(argv.count("--net")))
        parameters = {"vnc_bind_address": "127.0.0.1", "boot_order": "disk"}
        self.there[name] = Instance("kvm", "o", "plain", "down", NODE, (), (1024,), (128, 128), 1,
                                    True, nics, parameters)  # fmt: skip

    def _startup(self, name: str, argv: Argv) -> None:
        once = argv[argv.index("-H") + 1] if "-H" in argv else ""
        cd = once.partition("cdrom_image_path=")[2]
        drive = ("-boot", "d", "-drive", f"file={cd},media=cdrom") if cd else ("-boot", "c")
        kernel = ("-kernel", "/k") if self.there[name].parameter("kernel_path") else ()
        self.boot = (*drive, *kernel)
        self.running.add(name)
        self.live[name] = self.there[name]

    def _reboot(self, name: str, argv: Argv) -> None:
        assert "--shutdown-timeout=0" in argv
        if self.broken != "leaves the CD in":
            self.boot = ("-boot", "c")
        self.live[name] = self.there[name]

    def _modify(self, name: str, argv: Argv) -> None:
        one, value = self.there[name], argv[3]
        if value.startswith("minmem"):
            one = replace(one, memory_mib=(160, 160), vcpus=2)
        elif argv[2] == "--net":
            one = replace(one, nics=(*one.nics, replace(one.nics[0], mac="aa:00:00:00:00:09")))
        else:
            pairs = dict(pair.split("=", 1) for pair in value.split(","))
            one = replace(one, parameters=dict(one.parameters) | pairs)
        self.there[name] = one

    def _grow_disk(self, name: str, argv: Argv) -> None:
        assert argv[-2:] == ("0", "128m")
        self.there[name] = replace(self.there[name], disks_mib=(1152,))

    def _shutdown(self, name: str, _: Argv) -> None:
        self.running.discard(name)

    def _reinstall(self, name: str, _: Argv) -> None:
        assert name not in self.running

    def _export(self, name: str, _: Argv) -> None:
        assert name in self.there
        assert "an export lies on node1" in [entry.name for entry in self.entries]

    def _import(self, name: str, _: Argv) -> None:
        source = next(iter(self.there.values()))
        self.there[name] = replace(source, disks_mib=(1280,))

    # -- what looks at it --------------------------------------------------------------------

    def machine(self, _: Any, name: str) -> Machine | None:
        """As QEMU would show."""
        if name not in self.running:
            return None
        one = self.live[name]
        address = one.parameter("vnc_bind_address")
        address = "0.0.0.0" if address and self.broken == "open" else address  # noqa: S104 - it is
        cards = [w for nic in one.nics for w in ("-device", f"virtio-net-pci,mac={nic.mac}")]
        vnc = ("-vnc", f"{address}:5100") if address else ()
        words = ("-name", name, "-m", str(one.memory_mib[1]), "-smp", str(one.vcpus))
        return Machine(7, (*words, *self.boot, *vnc, "-drive", f"file=/disk/{name}", *cards))

    def listeners(self, _: Any) -> tuple[Any, ...]:
        """As ss would show."""
        made = [self.machine(None, name) for name in self.running]
        return tuple(
            SimpleNamespace(pids={7}, port=display.port, address=display.address)
            for one in made if one for display in one.vnc
        )  # fmt: skip

    def watch(self, _: Any, name: str, pattern: str, limit_s: float) -> Seen:
        """What its guest says."""
        assert pattern
        assert limit_s > 0
        if "-kernel" in self.boot:
            return Seen(True, f"\nREADY {name} 3 ok\nREADY {name}")
        words = "CD {}: installed" if "d" in self.boot else "disk {}: booted"
        return Seen(True, f"alled\n{words.format(RUN)}\n{words.format(RUN)[:5]}")

    def size(self, _: Any, path: str) -> int:
        """Of the disk on its node."""
        return self.there[path.removeprefix("/disk/")].disks_mib[0]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the life of an instance on such a cluster."""

    def make(broken: str = "") -> tuple[Life, Cluster]:
        cluster = Cluster(broken)
        for name, fake in {
            "read_machine": cluster.machine,
            "read_listeners": cluster.listeners,
            "read_size_mib": cluster.size,
            "places": lambda _: (NODE,),
            "need_os": lambda *_: None,
            "read_cards": lambda _, name: {
                f"tap{n}": BRIDGE for n, _ in enumerate(cluster.live[name].nics)
            },
        }.items():
            monkeypatch.setattr(lifecycle, name, fake)
        monkeypatch.setattr(console, "watch", cluster.watch)
        private = SimpleNamespace(bridge=BRIDGE)
        site = SimpleNamespace(
            cluster=SimpleNamespace(disk_templates=["plain"]),
            network=SimpleNamespace(private=private),
        )
        stood: Any = cluster
        described: Any = site
        return Life(stood, described), cluster

    return make


STEPS = (
    "added", "booted_from_cd", "shown_on_loopback", "booted_from_disk", "shown_nowhere",
    "resized", "connected", "grown", "installed", "imported",
)  # fmt: skip


def test_a_life_without_trouble(live: Any) -> None:
    life, cluster = live()
    assert {step: getattr(life, step)() for step in STEPS} == {step: [] for step in STEPS}
    verbs = [argv[1] for argv in cluster.jobs]
    assert verbs.count("add") == verbs.count("import") == 1
    assert [entry.name for entry in cluster.entries] == [
        f"instance gntverify-{RUN}-500",
        "a CD image lies on node1",
        "an export lies on node1",
        f"instance gntverify-{RUN}-501",
    ]


def test_a_step_does_those_before_it_and_is_done_once(live: Any) -> None:
    life, cluster = live()
    assert life.booted_from_disk() == []
    jobs = list(cluster.jobs)
    assert life.booted_from_disk() == []
    assert cluster.jobs == jobs


@pytest.mark.parametrize(
    ("broken", "step", "words"),
    [
        ("gnt-instance startup", "booted_from_cd", "job 9 warned"),
        ("open", "shown_on_loopback", "it listens on 0.0.0.0"),
        ("leaves the CD in", "booted_from_disk", "QEMU boots from: cdrom, expected disk"),
        ("gnt-instance reboot", "booted_from_disk", "job 9 warned"),
        ("gnt-instance grow-disk", "grown", "job 9 warned"),
        ("gnt-backup import", "imported", "job 9 warned"),
    ],
)
def test_what_is_not_as_it_was_told_is_found(
    live: Any, broken: str, step: str, words: str
) -> None:
    life, _ = live(broken)
    assert words in "; ".join(getattr(life, step)())


def test_after_a_step_that_went_wrong_nothing_is_tried(live: Any) -> None:
    life, cluster = live("gnt-instance add")
    assert life.added()
    with pytest.raises(CommandFailed, match="not tried"):
        life.booted_from_cd()
    assert len(cluster.jobs) == 1
