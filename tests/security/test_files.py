"""What About Security?: who may read and write Ganeti's files."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import listed, odd_keys
from gntverify.controls import control, need
from gntverify.ganeti.modes import wrong

NO_PACKAGE = "Ganeti was not installed from Debian packages"


@control("X08", severity="high", notes="security")
def test_ganetis_files_have_their_modes_and_owners(node: Node) -> None:
    """Ganeti's keys, certificates, sockets, directories and logs have the modes of ensure-dirs.

    Why: who can read server.pem is root on every node; a daemon whose files belong to somebody
    else dies at its next start.
    Fix: `/usr/lib/ganeti/ensure-dirs` on that node, which every start of a daemon runs as well;
    then look who changed them.
    """
    have = wrong(node.modes)
    assert not have, f"{node.name}: {'; '.join(f'{path} {how}' for path, how in have.items())}"


@control("X12", severity="high", notes="security")
def test_ganetis_programs_are_the_packages_and_roots_own(node: Node) -> None:
    """What Ganeti's packages installed is there, is theirs, and only root can change it.

    Why: all of it is run, or read as shell, by root: who can write /etc/default/ganeti or
    kvm-ifup is root at the next start. Settings may differ from the package, programs may not.
    Fix: `chown root:root` and `chmod go-w` the path named here, after asking who changed it;
    `dpkg --search PATH` names its package, `apt-get install --reinstall` brings it back.
    """
    need(node.packaged.packages, NO_PACKAGE)
    wrong_here = node.packaged.wrong
    assert not wrong_here, f"{node.name}: {listed(wrong_here)}"


@control("X13", severity="medium", notes="security")
def test_ganetis_programs_have_the_same_modes_on_all_nodes(cluster: Cluster) -> None:
    """What Ganeti's packages installed has the same modes and owners on all nodes.

    Why: a program that lost its mode on one node fails there only, after the next failover:
    without its mode on /usr/lib/ganeti/kvm-ifup no guest with a NIC starts.
    Fix: `stat` the path on a node that works, `chmod` it on the one named here; where versions
    differ, upgrade first.
    """
    have = {node.short: node.packaged for node in cluster.several()}
    need(all(one.packages for one in have.values()), NO_PACKAGE)
    paths = {path for one in have.values() for path in one.modes}
    odd = odd_keys({name: {p: one.mode(p) for p in paths} for name, one in have.items()})
    assert not odd, f"modes differ: {odd}"
