from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify import backups
from gntverify.cluster import Cluster, Node
from gntverify.errors import CommandFailed, SiteError
from gntverify.evidence import Answer
from gntverify.facts import lvm, storage
from gntverify.ganeti import exports, info, instances, nodes, oses
from gntverify.ganeti.ssconf import Ssconf
from gntverify.site import Site, load_site
from gntverify.transport.replay import Replay

SITE = load_site(Path(__file__).parents[2] / "sites" / "lab.toml")
VM2 = "vm2.gnt.example"
NAMES = [f"node{place}.gnt.example" for place in (1, 2, 3)]
EXPORTS = tuple(exports.listing(exports.DIRECTORY))
COPIES = tuple(exports.listing("/srv/nas"))
ABSENT = "absent\n"
ROOT = '{"target": "/", "source": "/dev/md1", "fstype": "ext4", "options": "rw"}'
NAS = '{"target": "/srv/nas", "source": "nas:/vol", "fstype": "nfs4", "options": "rw"}'
FREE = (
    '{"report": [{"vg": [{"vg_name": "xenvg", "vg_size": "25757220864", '
    '"vg_free": "%d", "vg_missing_pv_count": "0"}]}]}'
)

Answers = dict[tuple[str, ...], str]


def _mounts(*mounts: str) -> str:
    return f'{{"filesystems": [{", ".join(mounts)}]}}'


def _cluster(told: Sequence[Mapping[tuple[str, ...], str]], absent: Sequence[str] = ()) -> Cluster:
    ssconf = Ssconf({"node_list": "\n".join(NAMES)})
    found = []
    for name, answers in zip(NAMES, told, strict=False):
        made = [Answer(name, argv, 0, text, "", 0.0, 0.1) for argv, text in answers.items()]
        found.append(Node(name, name, Replay(name, made), ssconf))
        found[-1].short = name.split(".", 1)[0]
    found[0].is_master = True
    return Cluster(tuple(found), tuple(absent), found[0])


@pytest.fixture
def good(samples: SimpleNamespace, members: Callable[[str], str]) -> list[Answers]:
    """Three nodes: the last has vm2, the second its export, the first a copy of that."""
    lines = samples.SHELF.splitlines(keepends=True)
    export = "".join(line for line in lines if "vm9" not in line)
    copy = export.replace("/var/lib/ganeti/export", "/srv/nas").replace("file 600", "file 444")
    each = {storage.MOUNTS: _mounts(ROOT), lvm.VGS: FREE % 2**34, EXPORTS: ABSENT}
    diagnosed = "".join(
        f"  Node: {name}, status: valid (path: /x) [API versions: 20] [no variants] "
        "[no parameters] [trusted]\n"
        for name in NAMES
    )
    master: Answers = {
        storage.MOUNTS: _mounts(ROOT, NAS),
        COPIES: copy,
        instances.COMMAND: samples.INSTANCES,
        nodes.COMMAND: members("MCC"),
        info.COMMAND: samples.INFO,
        oses.COMMAND: f"OS: noop [global status: valid]\n{diagnosed}\n",
    }
    return [each | master, each | {EXPORTS: export}, dict(each)]


def _site(**changes: object) -> Site:
    return SITE.model_copy(update={"backup": SITE.backup.model_copy(update=changes)})


def _shelf(cluster: Cluster) -> exports.Shelf:
    found = backups.copy_shelf(cluster, SITE)
    assert found is not None
    return found


def test_a_protected_instance_is_as_the_site_wants_it(good: list[Answers]) -> None:
    cluster = _cluster(good)
    assert backups.unprotected(cluster, SITE) == {}
    assert backups.ages_h(cluster, SITE) == {VM2: 43 / 3600}
    assert backups.broken(cluster) == {}
    assert backups.beside(_shelf(cluster), cluster) == []
    assert backups.uncopied(_shelf(cluster), SITE) == {}
    assert backups.impossible(cluster, SITE) == {}


def test_an_export_on_another_node_is_not_where_it_belongs(good: list[Answers]) -> None:
    site = _site(nodes=[NAMES[2]])
    assert backups.unprotected(_cluster(good), site) == {VM2: "only on node2"}
    assert backups.unprotected(_cluster(good), _site(nodes=[])) == {}
    assert backups.ages_h(_cluster(good), site) == {}


def test_what_may_lie_on_a_node_that_was_not_asked_is_unknown(good: list[Answers]) -> None:
    here = _cluster(good[:1], NAMES[1:])
    for site in (SITE, _site(nodes=[])):
        with pytest.raises(CommandFailed, match=r"node2\.gnt\.example"):
            backups.unprotected(here, site)
    assert backups.unprotected(here, _site(nodes=[NAMES[0]])) == {VM2: "nowhere"}


@pytest.mark.parametrize(
    ("age_h", "told"),
    [(0.0, ""), (-0.05, ""), (720.0, ""), (720.1, "720.1 h old"), (-1.0, "dated in the future")],
)
def test_an_age_is_between_now_and_what_may_be_lost(age_h: float, told: str) -> None:
    assert backups.unfit(age_h, SITE) == told
    assert backups.unfit(float("inf"), SITE) == "inf h old"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("disk0_size = 1024", "disk0_size = 512", "disks of 512 MiB, the instance has 1024"),
        ("disk_count = 1", "disk_count = 2", "disk 1: config.ini does not tell"),
        ("> vm2.gnt.example\n", "> vm9.gnt.example\n", ""),
    ],
)
def test_an_export_fits_the_instance_of_today(
    old: str, new: str, told: str, good: list[Answers]
) -> None:
    text = good[1][EXPORTS].replace(old, new)
    good[1][EXPORTS] = text.replace(f" {VM2}/", " vm9.gnt.example/") if not told else text
    have = backups.broken(_cluster(good))
    assert list(have) == ([f"{VM2} on node2"] if told else [])
    assert all(why.startswith(told) for why in have.values())


def test_copies_that_nobody_named_are_unknown(good: list[Answers]) -> None:
    with pytest.raises(SiteError, match=r"backup\.copy_dir"):
        backups.copy_shelf(_cluster(good), _site(copy_dir=None))
    good[0][COPIES] = ABSENT
    assert backups.copy_shelf(_cluster(good), SITE) is None


def test_copies_are_beside_no_exports(good: list[Answers]) -> None:
    good[0][storage.MOUNTS] = _mounts(ROOT)
    assert backups.beside(_shelf(_cluster(good)), _cluster(good)) == ["node1"]
    good[0][storage.MOUNTS] = _mounts(ROOT, NAS)
    good[2][storage.MOUNTS] = _mounts(ROOT, NAS.replace("/srv/nas", exports.DIRECTORY))
    assert backups.beside(_shelf(_cluster(good)), _cluster(good)) == ["node3"]


def test_a_bind_mount_is_the_same_file_system(good: list[Answers]) -> None:
    bound = NAS.replace("nas:/vol", "/dev/md1[/copies]")
    good[0][storage.MOUNTS] = _mounts(ROOT, bound)
    assert backups.beside(_shelf(_cluster(good)), _cluster(good)) == ["node1"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("file 444 1914", "file 644 1914", "config.ini is 644"),
        ("file 444 1073741824", "file 444 0", "disk 0: its dump 8380fc92"),
        ("timestamp = 1795574644", "timestamp = 1785574644", "2777.8 h old"),
        ("> vm2.gnt.example", "> vm2", ""),
    ],
)
def test_a_copy_is_read_only_whole_and_young(
    old: str, new: str, told: str, good: list[Answers]
) -> None:
    text = good[0][COPIES].replace(old, new)
    good[0][COPIES] = text if told else text.replace(f" {VM2}/", " vm2/")
    have = backups.uncopied(_shelf(_cluster(good)), SITE)
    assert have[VM2].startswith(told or "no copy")


@pytest.mark.parametrize(
    ("place", "command", "old", "new", "told"),
    [
        (1, EXPORTS, "os = noop", "os = noop+x", "node1: OS noop+x: without the variants x"),
        (1, EXPORTS, "os = noop", "os = gone", "node1: OS gone: not there, node2: OS gone"),
        (1, EXPORTS, "version = 0", "version = 1", "this cluster does not take format '1'"),
        (1, EXPORTS, "= kvm", "= lxc", "this cluster does not take hypervisor 'lxc'"),
        (1, EXPORTS, "= plain", "= rbd", "this cluster does not take disk template 'rbd'"),
        (1, EXPORTS, "_size = 1024", "_size = 99999", "node1: 16384 MiB free, 99999 needed"),
    ],
)
def test_a_drill_needs_room_and_what_the_export_names(
    place: int, command: tuple[str, ...], old: str, new: str, told: str, good: list[Answers]
) -> None:
    good[place][command] = good[place][command].replace(old, new)
    have = backups.impossible(_cluster(good), SITE)
    assert have[VM2].startswith(told)


def test_a_drill_needs_a_node_that_is_not_the_instances_own(
    good: list[Answers], members: Callable[[str], str]
) -> None:
    good[0][lvm.VGS] = good[1][lvm.VGS] = FREE % 2**20
    assert "node3" not in backups.impossible(_cluster(good), SITE)[VM2]
    good[0][nodes.COMMAND] = members("DOC")
    with pytest.raises(CommandFailed, match="no node in service"):
        backups.impossible(_cluster(good), SITE)


def test_without_a_site_every_export_is_one_for_a_drill(good: list[Answers]) -> None:
    nobody = SITE.model_copy(
        update={
            "described": False,
            "backup": SITE.backup.model_copy(update={"protected": [], "nodes": []}),
        }
    )
    assert set(backups.drill_subjects(_cluster(good), nobody)) == {VM2}
