"""Exports against what the site wants restorable: where they lie, how old they are, what fits."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from gntverify.cluster import Cluster, Node
from gntverify.compare import listed
from gntverify.errors import CommandFailed, SiteError
from gntverify.facts.storage import Mount
from gntverify.ganeti.exports import DIRECTORY, VERSION, Export, Shelf
from gntverify.guests import IN_LVM
from gntverify.site import Site

READ_ONLY = "444"
OUT_OF_SERVICE = ("D", "O")


def kept(cluster: Cluster) -> Iterator[tuple[Node, str, Export]]:
    """Every export that lies on a node: where, of which instance."""
    return ((node, name, one) for node in cluster.nodes for name, one in node.exports.items())


def unprotected(cluster: Cluster, site: Site) -> dict[str, str]:
    """Protected instance without an export where it belongs, to where else there is one.

    Raises:
        CommandFailed: one may lie on a node that this run does not see.
    """
    lost = {
        name: _elsewhere(name, cluster)
        for name in site.backup.protected
        if not _own(name, cluster, site)
    }
    unseen = [name for name in cluster.absent if name in (site.backup.nodes or cluster.absent)]
    if lost and unseen:
        raise CommandFailed(
            f"No export of {listed(lost.keys())} was found, but {listed(unseen)} was not asked. "
            "Add it to --hosts."
        )
    return lost


def _own(name: str, cluster: Cluster, site: Site) -> list[Export]:
    """The exports of one instance on the nodes where the site wants them."""
    wanted = site.backup.nodes or [node.name for node in cluster.nodes]
    return [one for node, own, one in kept(cluster) if own == name and node.name in wanted]


def _elsewhere(name: str, cluster: Cluster) -> str:
    places = [node.short for node, own, _ in kept(cluster) if own == name]
    return f"only on {listed(places)}" if places else "nowhere"


def ages_h(cluster: Cluster, site: Site) -> dict[str, float]:
    """Protected instance to the age of its newest export in hours, endless without a date."""
    return {
        name: min(_age_h(export) for export in own)
        for name in site.backup.protected
        if (own := _own(name, cluster, site))
    }


def _age_h(export: Export) -> float:
    return float("inf") if export.age_s is None else export.age_s / 3600


def unfit(age_h: float, site: Site) -> str:
    """Why an age is not one that the site accepts; empty when it is."""
    if age_h < -0.1:  # more than a clock that was set right meanwhile
        return "dated in the future"
    return f"{age_h:.1f} h old" if age_h > site.backup.rpo_h else ""


def broken(cluster: Cluster) -> dict[str, str]:
    """Instance and node to what is wrong with its export there."""
    found = {}
    for node, name, export in kept(cluster):
        wrong = export.trouble or _mismatch(name, export, cluster)
        if wrong:
            found[f"{name} on {node.short}"] = wrong
    return found


def _mismatch(name: str, export: Export, cluster: Cluster) -> str:
    details = cluster.instances.get(name)
    if details is None or details.disks_mib == export.disks_mib:
        return ""  # of what was removed, the export is all there is
    want, have = ("+".join(map(str, disks)) for disks in (details.disks_mib, export.disks_mib))
    return f"disks of {have} MiB, the instance has {want}"


def copy_shelf(cluster: Cluster, site: Site) -> Shelf | None:
    """What lies where the master sees the copies; None when that directory is not there.

    Raises:
        SiteError: the site does not say where they are.
    """
    if site.backup.copy_dir is None:
        raise SiteError(
            f"The site protects {listed(site.backup.protected)} and names no backup.copy_dir: "
            "whether there are copies off the cluster cannot be told. Name the directory in which "
            "the master sees them."
        )
    return cluster.master.shelf(site.backup.copy_dir)


def beside(shelf: Shelf, cluster: Cluster) -> list[str]:
    """Nodes whose own exports lie on the file system of the copies."""
    copies = cluster.master.mount_of(shelf.path)
    return [
        node.short
        for node in cluster.nodes
        if _same(node.mount_of(PurePosixPath(DIRECTORY)), copies, node.is_master)
    ]


def _same(own: Mount, copies: Mount, one_host: bool) -> bool:
    a, b = (mount.source.partition("[")[0] for mount in (own, copies))
    share = a == b and ("/" in a) and (one_host or not a.startswith("/dev/"))
    return share or (one_host and own.target == copies.target)


def uncopied(shelf: Shelf, site: Site) -> dict[str, str]:
    """Protected instance to what is wrong with its copy."""
    found = {name: _copy_trouble(shelf.exports.get(name), site) for name in site.backup.protected}
    return {name: wrong for name, wrong in found.items() if wrong}


def _copy_trouble(copy: Export | None, site: Site) -> str:
    if copy is None:
        return "no copy"
    modes = {
        f"{name} is {file.mode}" for name, file in copy.files.items() if file.mode != READ_ONLY
    }
    return copy.trouble or unfit(_age_h(copy), site) or (listed(modes) if modes else "")


def impossible(cluster: Cluster, site: Site) -> dict[str, str]:
    """Instance to why its export could be restored on no node but its own."""
    found = {}
    for name, export in drill_subjects(cluster, site).items():
        reasons = {
            node.short: _hindrance(export, node, cluster, site) for node in _hosts(name, cluster)
        }
        if all(reasons.values()):
            found[name] = _foreign(export, cluster) or listed(reasons)
    return found


def drill_subjects(cluster: Cluster, site: Site) -> dict[str, Export]:
    """The newest exports of what a drill would restore: protected, or all where nobody said."""
    names = site.backup.protected if site.described else [name for _, name, _ in kept(cluster)]
    own = {name: _own(name, cluster, site) for name in names}
    return {name: min(exports, key=_age_h) for name, exports in own.items() if exports}


def _hosts(name: str, cluster: Cluster) -> list[Node]:
    """The nodes in service that are not the instance's primary; in a cluster of one, that one.

    Raises:
        CommandFailed: this run sees none of them.
    """
    details, single = cluster.instances.get(name), not cluster.ssconf.node_list[1:]
    out = {node for node, state in cluster.node_list.items() if state.role in OUT_OF_SERVICE}
    found = [
        node
        for node in cluster.nodes
        if node.name not in out and (single or details is None or node.name != details.primary)
    ]
    if not found:
        raise CommandFailed(f"This run sees no node in service but that of {name!r}.")
    return found


def _foreign(export: Export, cluster: Cluster) -> str:
    """What the export asks for and this cluster does not have; empty when there is nothing."""
    hypervisor, template = export.value("hypervisor"), export.value("disk_template")
    wrong = {
        f"format {export.value('version')!r} of exports": export.value("version") != VERSION,
        f"hypervisor {hypervisor!r}": hypervisor not in cluster.info.hypervisors,
        f"disk template {template!r}": template not in cluster.info.disk_templates,
    }
    unknown = [what for what, is_wrong in wrong.items() if is_wrong]
    return f"this cluster does not take {listed(unknown)}" if unknown else ""


def _hindrance(export: Export, node: Node, cluster: Cluster, site: Site) -> str:
    """Why that node could not take the export; empty when it could."""
    os, _, variant = export.value("os").partition("+")
    trouble = cluster.os_trouble(os, node.name, frozenset(filter(None, [variant])))
    if trouble:
        return f"OS {export.value('os')}: {trouble}"
    group = node.volume_groups.get(site.storage.volume_group)
    free_mib = group.free_bytes // 2**20 if group else 0
    lacks = export.value("disk_template") in IN_LVM and free_mib < export.needs_mib
    room = f"{free_mib} MiB free, {export.needs_mib} needed"
    return _foreign(export, cluster) or (room if lacks else "")
