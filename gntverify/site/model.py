"""The site file as types: every key, its unit, and what it takes for valid.

Defaults live in ``profiles/*.toml`` with their source, never here: a key that a profile does
not set is either asked of the site file or of the cluster itself (``None`` here).
"""

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from gntverify.errors import CommandFailed
from gntverify.site.drills import Drills
from gntverify.site.image import Image
from gntverify.site.part import Device, HostName, InstanceName, Interface, Part
from gntverify.site.perf import Perf
from gntverify.site.waiver import Waiver

LEAST_DELAY_S = 2
"""Of a bridge with STP on (802.1D, and BR_MIN_FORWARD_DELAY in the kernel)."""
DRBD_DEVICE = "/dev/drbd"
BUILT_IN, PROBE = "built-in", "gntverify-probe"
"""The probe guest's OS definition: where it comes from, and its name and its package's."""
ALLOW_TAG = "gntverify:allow-disruptive"
"""A cluster that may be disrupted bears it; a site file alone does not make it so."""
Bind = Literal["private", "cluster", "loopback", "any"]
UNDECIDED = "any"
"""Of a kernel parameter: nobody has decided on a value, and none is expected."""


class Node(Part):
    """A node: its FQDN, its two addresses, and what Ganeti may use it for.

    Attributes:
        master_capable: it may keep the configuration and become master.
        vm_capable: it may have instances.
        out_of_service: why it is offline or drained, a sentence with date or ticket; empty for a
            node that must be neither.
    """

    name: HostName
    private: IPv4Address
    public: IPv4Address | None = None
    master_capable: bool = True
    vm_capable: bool = True
    out_of_service: str = ""

    @property
    def short(self) -> str:
        """The name's first label."""
        return self.name.split(".", 1)[0]


class PublicNetwork(Part):
    """The provider's network: address and gateway of each node on the physical interface."""

    interface: Interface
    network: IPv4Network | None = None
    gateway: IPv4Address | None = None


class PrivateNetwork(Part):
    """The network of the instances and of Ganeti: a bridge over a tagged interface.

    ``mode`` is Ganeti's word for how NICs are connected; the rest is about a Linux bridge.
    ``port_name`` is for a port that is not called ``INTERFACE.VLAN``. ``filters`` are those that
    br_netfilter may let see the frames on the bridge.
    """

    mode: Literal["bridged", "routed", "openvswitch"]
    bridge: Interface
    interface: Interface | None
    port_name: Interface | None = None
    vlan: Annotated[int, Field(ge=1, le=4094)] | None = None
    network: IPv4Network | None = None
    stp: bool
    forward_delay_s: Annotated[float, Field(ge=0, le=30)]
    filters: list[Literal["iptables", "ip6tables", "arptables"]]

    @property
    def port(self) -> str:
        """The bridge's own port: the tagged interface, or the bare one without a VLAN.

        Empty on a cluster that nobody described and whose bridge has several, or none.
        """
        bare = self.interface or ""
        return self.port_name or (f"{bare}.{self.vlan}" if bare and self.vlan else bare)

    @model_validator(mode="after")
    def _delay_is_possible(self) -> Self:
        if self.stp and self.forward_delay_s < LEAST_DELAY_S:
            raise ValueError(
                f"with stp = true the kernel takes no forward_delay_s under {LEAST_DELAY_S}"
            )
        return self


class Network(Part):
    """Both networks of the notes."""

    public: PublicNetwork
    private: PrivateNetwork


class Root(Part):
    """The root file system."""

    device: Device
    fstype: str
    options: list[str]


class Storage(Part):
    """Disks: root on software RAID1, a swap a disk, the rest in one volume group.

    ``lvm_rejects`` are block devices in which LVM must not look for volumes, each by its name
    without the number: ``/dev/drbd`` is all of ``/dev/drbd0``, ``/dev/drbd1`` and so on.
    """

    root: Root
    swaps: list[Device]
    swap_mib: Annotated[int, Field(gt=0)] | None = None
    volume_group: str
    physical_volumes: list[Device]
    min_size_mib: Annotated[int, Field(gt=0)]
    lvm_rejects: list[Device]


class Hardware(Part):
    """What a node must have at least; nodes must have the same in any case."""

    memory_mib: Annotated[int, Field(gt=0)] | None = None


class Packages(Part):
    """Debian packages, by the section of the notes that asks for them."""

    network: list[str]
    ganeti: list[str]
    recommends: bool

    @property
    def required(self) -> frozenset[str]:
        """All packages a node must have."""
        return frozenset(self.network) | frozenset(self.ganeti)


class Drbd(Part):
    """Options of the drbd kernel module."""

    minor_count: Annotated[int, Field(ge=1, le=1048575)]
    usermode_helper: str
    options_file: str


class OperatingSystem(Part):
    """An OS definition: ``name+variant``, and where it comes from.

    ``source`` is ``"package:NAME"`` for a Debian package, ``"built-in"`` for this project's own
    probe guest, else a path on the runner or an ``http(s)`` URL of a .deb file.
    """

    name: str
    variants: list[str] = Field(default=[])
    source: str

    @model_validator(mode="after")
    def _own_is_the_probe(self) -> Self:
        if self.source == BUILT_IN and self.name != PROBE:
            raise ValueError(f"only {PROBE!r} is {BUILT_IN}, and {self.name!r} is not")
        return self


class Cluster(Part):
    """What ``gnt-cluster init`` is told.

    Where nobody described it and it did not tell either, what hangs on its disk templates
    raises CommandFailed: the profile's are no word of this cluster.
    """

    name: HostName | None = None
    address: IPv4Address | None = None
    hypervisors: list[str]
    disk_templates: list[str]
    hypervisor_parameters: dict[str, dict[str, str]]
    candidate_pool_size: Annotated[int, Field(ge=1)]
    _untold: str = PrivateAttr("")

    def untold(self, reason: str) -> Self:
        """The same, of a cluster whose disk templates nobody knows."""
        made = self.model_copy()
        made._untold = reason
        return made

    def _told(self) -> list[str]:
        if self._untold:
            raise CommandFailed(f"The cluster's disk templates are not known: {self._untold}")
        return self.disk_templates

    @property
    def mirrors(self) -> bool:
        """Whether instances may have DRBD disks."""
        return "drbd" in self._told()

    @property
    def keeps_disks_in_lvm(self) -> bool:
        """Whether instances may have disks in a volume group."""
        return not {"drbd", "plain"}.isdisjoint(self._told())


class Instance(Part):
    """What the site says of one instance; where it says nothing, the cluster's way is expected.

    Attributes:
        redundant: true: it must survive the loss of a node; false: one copy of its disks is
            accepted. Not said: it may be mirrored, and must be whole if it is.
        links: what its network cards are linked to, in their order.
        hypervisor_parameters: those that differ from the cluster's.
    """

    name: InstanceName
    redundant: bool | None = None
    links: list[Interface] | None = None
    hypervisor_parameters: dict[str, str] = Field(default={})


class Daemons(Part):
    """Which address each networked daemon binds to."""

    noded: Bind
    confd: Bind
    rapi: Bind
    mond: Bind
    metad: Bind


class Security(Part):
    """What the outside may see."""

    public_tcp_ports: list[Annotated[int, Field(ge=1, le=65535)]]
    rapi_write_users: list[str]


class Backup(Part):
    """Exports: of which instances, where, how old at most, and where their copies are.

    Attributes:
        protected: instances that must be restorable.
        nodes: where their exports belong; any node when none is named.
        rpo_h: hours of work that may be lost, so the greatest age of an export.
        copy_dir: where the master sees the copies that lie off the cluster.
    """

    protected: list[InstanceName]
    nodes: list[HostName]
    rpo_h: Annotated[float, Field(gt=0)]
    copy_dir: Annotated[str, StringConstraints(pattern=r"^/[\w./-]+$")] | None = None


class Time(Part):
    """Locale, zone and clock."""

    locale: str
    timezone: str
    servers: list[str]


class Kvm(Part):
    """The kvm wrapper of the notes (``dpkg-divert``, ``-cpu host``): QEMU 7.2 loses KVM by it."""

    wrapper: bool


class Limits(Part):
    """Numbers at which a control turns red."""

    clock_skew_s: Annotated[float, Field(gt=0)]
    certificate_days: Annotated[int, Field(gt=0)]
    watcher_age_min: Annotated[int, Field(gt=0)]
    drbd_resync_min: Annotated[int, Field(gt=0)]
    vg_free_percent: Annotated[float, Field(ge=0, lt=100)]
    space_free_percent: Annotated[float, Field(ge=0, lt=100)]
    job_age_min: Annotated[int, Field(gt=0)]


class Verify(Part):
    """``gnt-cluster verify``: warnings a site has accepted, by code."""

    allowed_warnings: list[str]


class Allow(Part):
    """Disruptions the site permits; everything is off unless named."""

    disruptive: list[str]


class Site(Part):
    """A site: everything this project may expect of a cluster.

    Attributes:
        name: short, used in the names of reports.
        profile: the profile it inherits.
        nodes: all nodes; empty when no site file was given.
        image: how ganeti-instance-image is configured; None: by its owners.
        sysctl: kernel parameter to value, or to ``any``: no value is expected.
        waivers: failures that somebody answers for.
        described: whether a site file was given at all.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,64}$")]
    profile: str
    nodes: list[Node] = Field(default=[])
    network: Network
    storage: Storage
    hardware: Hardware
    packages: Packages
    sysctl: dict[str, int | Literal["any"]]
    drbd: Drbd
    os: list[OperatingSystem]
    image: Image | None = None
    cluster: Cluster
    instances: list[Instance] = Field(default=[])
    daemons: Daemons
    security: Security
    backup: Backup
    time: Time
    kvm: Kvm
    limits: Limits
    verify: Verify
    drills: Drills
    perf: Perf
    allow: Allow
    waivers: list[Waiver] = Field(default=[])
    described: bool = Field(default=True, exclude=True)

    @model_validator(mode="after")
    def _addresses_fit(self) -> Self:
        _refuse_doubles("node name", [node.name for node in self.nodes])
        strangers = set(self.backup.nodes) - {node.name for node in self.nodes}
        if strangers:
            raise ValueError(f"backup.nodes names {', '.join(sorted(strangers))}, no node of it")
        _refuse_doubles("instance name", [instance.name for instance in self.instances])
        _refuse_doubles("private address", [str(node.private) for node in self.nodes])
        _refuse_doubles("public address", [str(n.public) for n in self.nodes if n.public])
        private, public = self.network.private.network, self.network.public.network
        if private and public and private.overlaps(public):
            raise ValueError(f"the networks {private} and {public} overlap")
        for node in self.nodes:
            _refuse_outside(f"nodes: {node.name!r} private", node.private, private)
            _refuse_outside(f"nodes: {node.name!r} public", node.public, public)
        _refuse_outside("cluster.address", self.cluster.address, private)
        _refuse_outside("network.public.gateway", self.network.public.gateway, public)
        return self

    @property
    def parameters(self) -> dict[str, int]:
        """Kernel parameter to value, of those that the site decides on."""
        return {key: value for key, value in self.sysctl.items() if isinstance(value, int)}

    @property
    def hidden_from_lvm(self) -> list[str]:
        """Names without the number of what LVM must not open; DRBD's only where it is used."""
        return [
            kind
            for kind in self.storage.lvm_rejects
            if kind != DRBD_DEVICE or self.cluster.mirrors
        ]

    def node(self, name: str) -> Node | None:
        """The node of that FQDN or short name, if the site names it."""
        return next((n for n in self.nodes if name in (n.name, n.short)), None)

    def instance(self, name: str) -> Instance:
        """What the site says of that instance; nothing in particular where it does not name it."""
        found = (one for one in self.instances if one.name == name)
        # not validated: Ganeti took the name, and a pattern of ours is no reason to stop
        return next(found, Instance.model_construct(name=name))

    def declared(self, name: str, hypervisor: str) -> dict[str, str]:
        """Hypervisor parameters that the site declares for that instance; none without a site."""
        common = self.cluster.hypervisor_parameters.get(hypervisor, {}) if self.described else {}
        return common | self.instance(name).hypervisor_parameters


def _refuse_doubles(what: str, values: list[str]) -> None:
    doubles = sorted({value for value in values if values.count(value) > 1})
    if doubles:
        raise ValueError(f"the {what} {', '.join(doubles)} is given more than once")


def _refuse_outside(key: str, address: IPv4Address | None, network: IPv4Network | None) -> None:
    if address is None or network is None:
        return
    if address not in network:
        raise ValueError(f"{key} {address} lies outside {network}")
    if network.prefixlen < 31 and address in (network.network_address, network.broadcast_address):
        raise ValueError(f"{key} {address} is no host address of {network}")
