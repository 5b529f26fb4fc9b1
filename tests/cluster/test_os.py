"""Installing the Operating System Support Packages: definitions, the same on all nodes."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import listed, odd_keys, odd_ones_out
from gntverify.controls import control, need
from gntverify.ganeti.images import unmatched
from gntverify.site import Site

NO_OS = "there is no OS definition in Ganeti's search path"
NO_IMAGE = "neither an instance nor the site uses the OS image"


@control("O01", severity="critical", notes="os", impact="low-impact")
def test_required_oses_are_valid_on_every_node(cluster: Cluster, site: Site) -> None:
    """Every required OS definition is valid on every node, with the variants the site names.

    Why: an instance is created on its own node, with that node's scripts; where they are
    missing the creation fails after the disks were made.
    Fix: install the definition on the node named here; the reason is Ganeti's own
    (`gnt-os diagnose`).
    """
    required = cluster.required_variants(site)
    have = {
        f"{name} on {node}": cluster.os_trouble(name, node, variants)
        for name, variants in need(required, "no OS definition is required here").items()
        for node in cluster.ssconf.instance_nodes
    }
    bad = {place: trouble for place, trouble in have.items() if trouble}
    assert not bad, f"not valid: {listed(bad)}"


@control("O02", severity="high", notes="os", impact="low-impact")
def test_oses_are_the_same_on_all_nodes(cluster: Cluster) -> None:
    """Each OS definition is on all nodes, with the same API versions, variants and parameters.

    Why: an instance reinstalled or restored on another node otherwise becomes another system,
    or fails on a parameter that is unknown there.
    Fix: install the same version of the definition on all nodes; `gnt-cluster copyfile` brings
    the variants' files to every node.
    """
    oses = need(cluster.oses, "no node has an OS definition")
    odd = {
        name: odd_ones_out({node: str(state) for node, state in os.nodes.items()})
        for name, os in oses.items()
    }
    differing = {name: groups for name, groups in odd.items() if groups}
    assert not differing, f"OS definitions differ: {listed(differing)}"


@control("O03", severity="high", notes="os")
def test_os_scripts_are_the_same_on_all_nodes(cluster: Cluster) -> None:
    """Every file of every OS definition is the same on all nodes, links followed.

    Why: Ganeti compares names and API versions only; an instance reinstalled or imported by an
    old script is another system, or half of one.
    Fix: install the same version of the definition's package on all nodes (`dpkg -V PACKAGE`
    tells what was edited), or `gnt-cluster copyfile` the right file.
    """
    search = cluster.info.os_search_path
    have = {
        node.short: node.definitions(search).contents
        for node in cluster.several()
        if node in cluster.hosts
    }
    need(any(have.values()), NO_OS)
    odd = odd_keys(have)
    assert not odd, f"OS definitions differ (sha256): {odd}"


@control("O04", severity="medium", notes="os")
def test_os_scripts_are_executable_and_found_once(node: Node, cluster: Cluster) -> None:
    """Every OS definition has its scripts, executable, and stands in the search path once.

    Why: of two definitions of one name the first hides the second, and nobody knows which was
    meant; a script without its mode fails when the disks are made already.
    Fix: `chmod 755` the script; remove the definition that is hidden: the notes' links in
    /srv/ganeti/os are not needed beside Debian's /usr/share/ganeti/os.
    """
    have = node.definitions(cluster.info.os_search_path)
    need(have.places, NO_OS)
    assert not have.not_runnable, (
        f"{node.name}: missing or not executable: {listed(have.not_runnable)}"
    )
    assert not have.doubles, f"{node.name}: defined twice: {listed(have.doubles)}"


@control("O05", severity="high", notes="os")
def test_os_settings_are_the_same_on_all_nodes(cluster: Cluster) -> None:
    """What OS definitions read (/etc/default, variants, hooks, networks) is the same everywhere.

    Why: the same command makes another system on another node: another mirror, another image,
    another address.
    Fix: `gnt-cluster copyfile FILE` from a node that is right; `rm` what should not be there.
    """
    have = {
        node.short: {path: str(entry) for path, entry in node.os_settings.items()}
        for node in cluster.several()
        if node in cluster.hosts
    }
    need(any(have.values()), "no OS definition here has settings")
    odd = odd_keys(have)
    assert not odd, f"settings of OS definitions differ (sha256): {odd}"


@control("O06", severity="medium", notes="os")
def test_image_has_its_hooks_and_network_files(cluster: Cluster, site: Site) -> None:
    """The OS image has its hooks grub and interfaces executable, and a network file an instance.

    Why: without grub the instance does not boot, without interfaces and its file it comes up
    with no address, and nobody can log in to see why.
    Fix: `chmod +x` in /etc/ganeti/instance-image/hooks; write networks/instances/FQDN (ADDRESS,
    SUBNET) and networks/subnets/NAME, then `gnt-cluster copyfile` each.
    """
    # asked in any case, it costs nothing: a recording of any cluster can tell what would be judged
    have = {n.short: n.image_parts.lacking(cluster.image_instances) for n in cluster.hosts}
    need(cluster.needs_image(site), NO_IMAGE)
    lacking = {node: "; ".join(phrases) for node, phrases in have.items() if phrases}
    assert not lacking, f"image: {lacking}"


@control("O07", severity="medium", notes="os", impact="low-impact")
def test_image_templates_are_the_same_on_all_nodes(cluster: Cluster, site: Site) -> None:
    """The templates of the OS image are on all nodes, and the same, or on the same share.

    Why: the node makes the instance from its own template: an old one is an old system, and
    without one the creation fails after the disks were made.
    Fix: copy the template (IMAGE_DIR, /var/cache/ganeti-instance-image) to the node named here,
    or mount the share there.
    """
    # as above: where image is not used there is nothing to hash
    have = {node.short: node.image_templates for node in cluster.hosts}
    need(cluster.needs_image(site), NO_IMAGE)
    need(any(n.image_settings.templates for n in cluster.hosts), "every variant downloads its own")
    bare = {n.short: unmatched(n.image_settings.templates, have[n.short]) for n in cluster.hosts}
    missing = {node: listed(patterns) for node, patterns in bare.items() if patterns}
    assert not missing, f"image: no template: {missing}"
    odd = odd_keys(have)
    assert not odd, f"templates of image differ: {odd}"
