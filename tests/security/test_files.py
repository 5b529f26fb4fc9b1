"""What About Security?: who may read and write Ganeti's files."""

from gntverify.cluster import Node
from gntverify.controls import control
from gntverify.ganeti.modes import wrong


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
