"""The codes of ``gnt-cluster verify``: what each means, and which controls look themselves.

From Ganeti's ``src/Ganeti/Constants.hs`` and ``lib/cmdlib/cluster/verify.py``; 3.0.2 and 3.1.1
have the same ones. A later version may bring others: those are findings like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Domain = Literal["cluster", "group", "node", "instance"]

VERIFY = ("C04", "C05")
"""The controls that judge verify's findings, whatever their code."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code.

    Attributes:
        name: as verify prints it.
        domain: what a finding of it is about.
        means: a clause.
        controls: ids of those that judge the same thing without verify's help.
        warns: whether all its findings are WARNINGs, so that verify exits with 0.
        note: what else a reader has to know; empty for most.
    """

    name: str
    domain: Domain
    means: str
    controls: tuple[str, ...] = ()
    warns: bool = False
    note: str = ""


_ALL = (
    Code(
        "ECLUSTERCERT",
        "cluster",
        "a certificate cannot be loaded, has expired (error in the last 7 days), or soon will "
        "(warning in the last 30)",
        ("C14",),
    ),
    Code(
        "ECLUSTERCLIENTCERT",
        "cluster",
        "a node's client certificate is not the one the configuration has for it",
        ("C15",),
    ),
    Code("ECLUSTERCFG", "cluster", "the configuration contradicts itself or the hypervisors"),
    Code(
        "ECLUSTERFILECHECK",
        "cluster",
        "a file that all nodes share is missing, too much, or different on one",
        ("C13", "C17", "C18", "N17"),
    ),
    Code(
        "ECLUSTERDANGLINGINST",
        "node",
        "instances have a primary node that does not exist",
        note="named after the cluster, printed about nodes",
    ),
    Code(
        "ECLUSTERDANGLINGNODES",
        "node",
        "nodes belong to a group that does not exist",
        note="named after the cluster, printed about nodes",
    ),
    Code(
        "EGROUPDIFFERENTPVSIZE",
        "group",
        "physical volumes of a group differ in size",
        note="only with exclusive_storage",
    ),
    Code(
        "EINSTANCEBADNODE",
        "instance",
        "an instance has a node that is offline, unknown, or not for virtual machines",
        ("C07", "I04"),
    ),
    Code("EINSTANCEDOWN", "instance", "an instance that should run does not", ("I07",)),
    Code(
        "EINSTANCEFAULTYDISK",
        "instance",
        "a disk's state cannot be read, or the disk is degraded",
        ("D05", "D06"),
        note="degraded with good local data is only a WARNING in 3.0",
    ),
    Code(
        "EINSTANCELAYOUT",
        "instance",
        "an instance has several secondary nodes",
        warns=True,
    ),
    Code(
        "EINSTANCEMISSINGCFGPARAMETER",
        "instance",
        "a disk has no number of spindles",
        note="only with exclusive_storage",
    ),
    Code("EINSTANCEMISSINGDISK", "instance", "a logical volume of an instance is missing"),
    Code(
        "EINSTANCEPOLICY", "instance", "an instance is outside of the instance policy", warns=True
    ),
    Code(
        "EINSTANCESPLITGROUPS",
        "instance",
        "primary and secondary node are in different groups",
        warns=True,
    ),
    Code(
        "EINSTANCEUNSUITABLENODE",
        "instance",
        "a node with exclusive_storage carries a disk template that does not support it",
        note="only with exclusive_storage",
    ),
    Code(
        "EINSTANCEWRONGNODE",
        "instance",
        "an instance runs on a node that is not its primary",
        ("I07",),
    ),
    Code(
        "EEXTAGS",
        "node",
        "instances that exclude each other by tag share a node",
        warns=True,
    ),
    Code(
        "ENODEDRBD",
        "node",
        "a DRBD minor that should be active is not, or one is that nobody knows",
        ("D05",),
    ),
    Code(
        "ENODEDRBDHELPER",
        "node",
        "DRBD's user mode helper is missing or another one; or, as a WARNING, DRBD's version is",
        ("D01", "D02"),
        note="the version is told about a node's UUID, not its name",
    ),
    Code(
        "ENODEDRBDVERSION",
        "node",
        "DRBD's versions differ within a group",
        ("D01", "N11"),
        warns=True,
        note="never printed by 3.0 and 3.1: ENODEDRBDHELPER is, in its place",
    ),
    Code("ENODEFILECHECK", "node", "a node did not tell the checksums of its files"),
    Code("ENODEFILESTORAGEPATHS", "node", "forbidden paths are allowed for file based disks"),
    Code("ENODEFILESTORAGEPATHUNUSABLE", "node", "the directory for file based disks is unusable"),
    Code(
        "ENODESHAREDFILESTORAGEPATHUNUSABLE",
        "node",
        "the directory for disks in shared files is unusable",
    ),
    Code("ENODEGLUSTERSTORAGEPATHUNUSABLE", "node", "Gluster's mount point is unusable"),
    Code("ENODEHOOKS", "node", "a hook failed, or could not be run"),
    Code(
        "ENODEHV",
        "node",
        "the hypervisor, or what it needs, is not there or not well",
        ("N10", "N20"),
    ),
    Code(
        "ENODELVM",
        "node",
        "the volume group is missing, too small, or its volumes are not well",
        ("N05", "N06"),
    ),
    Code(
        "ENODEN1",
        "node",
        "a node has too little memory for the instances that would fail over to it",
        ("C08",),
    ),
    Code(
        "ENODENET",
        "node",
        "a node does not reach another one or the cluster address, or lacks a bridge",
        ("C02", "W02", "W11"),
    ),
    Code("ENODEOOBPATH", "node", "the out-of-band helper is not there or not executable"),
    Code(
        "ENODEORPHANINSTANCE", "node", "an instance runs that the cluster does not know", ("C21",)
    ),
    Code(
        "ENODEORPHANLV",
        "node",
        "a logical volume belongs to no instance",
        ("C21",),
        warns=True,
    ),
    Code(
        "ENODEOS",
        "node",
        "an OS definition is invalid, there twice, or another one than elsewhere",
        ("O01", "O02"),
    ),
    Code("ENODERPC", "node", "a node's noded does not answer", ("C11", "X01")),
    Code("ENODESETUP", "node", "/sys or /proc is not mounted, or the sysrq trigger is missing"),
    Code(
        "ENODESSH",
        "node",
        "a node does not log in to another, or its keys are in disorder",
        ("C13",),
    ),
    Code(
        "ENODETIME",
        "node",
        "a node's clock is more than 150 s away from the master's",
        ("N14",),
    ),
    Code("ENODEUSERSCRIPTS", "node", "a script that the site uses is not executable"),
    Code(
        "ENODEVERSION",
        "node",
        "a node speaks another protocol; or, as a WARNING, has another release of Ganeti",
        ("C16", "N11"),
    ),
)

CODES: Mapping[str, Code] = {code.name: code for code in _ALL}
"""All of them, by name."""


def hint(name: str) -> str:
    """Where a reader of this code finds more; empty where verify itself is all there is."""
    code = CODES.get(name)
    if code is None:
        return "a code that gntverify does not know: is this Ganeti newer?"
    return f"see {', '.join(code.controls)}" if code.controls else ""
