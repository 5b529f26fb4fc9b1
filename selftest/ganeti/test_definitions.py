from collections.abc import Mapping

from gntverify.facts.tree import Entry
from gntverify.ganeti import definitions
from gntverify.ganeti.definitions import Definitions
from gntverify.transport.replay import Replay

SEARCH = (
    "/srv/ganeti/os",
    "/usr/local/lib/ganeti/os",
    "/usr/lib/ganeti/os",
    "/usr/share/ganeti/os",
)
DIRECTORY = Entry("d", "755", "")


def _script(content: str = "ab", mode: str = "755") -> Entry:
    return Entry("f", mode, content * 32)


def _definition(at: str, content: str = "ab") -> dict[str, Entry]:
    scripts = ("create", "export", "import", "rename")
    return {at: DIRECTORY} | {f"{at}/{name}": _script(content) for name in scripts}


def _made(tree: Mapping[str, Entry]) -> Definitions:
    return Definitions(tree, ("/srv/os", "/usr/os"))


def test_the_recorded_nodes_have_the_same_three(master: Replay, other: Replay) -> None:
    one, two = (definitions.read_definitions(node, SEARCH) for node in (master, other))
    assert one.contents == two.contents
    assert "debootstrap/variants.list" in one.contents  # a link out of the tree
    assert one.places == {
        name: (f"/usr/share/ganeti/os/{name}",)
        for name in ("debootstrap", "gntverify-probe", "noop")
    }
    assert not one.not_runnable
    assert not one.doubles


def test_the_recorded_settings_are_those_of_debootstrap(master: Replay, other: Replay) -> None:
    have = definitions.read_settings(master)
    assert have == definitions.read_settings(other)
    assert have.keys() == {
        "/etc/default/ganeti-instance-debootstrap",
        "/etc/ganeti/instance-debootstrap/variants.list",
        "/etc/ganeti/instance-debootstrap/variants/default.conf",
    }


def test_the_first_of_two_counts() -> None:
    have = _made(_definition("/usr/os/noop", "ab") | _definition("/srv/os/noop", "cd"))
    assert have.doubles == {"noop": ("/srv/os/noop", "/usr/os/noop")}
    assert set(have.contents.values()) == {"cd" * 6}


def test_a_definition_inside_another_or_hidden_is_none() -> None:
    have = _made(_definition("/srv/os/noop/more") | _definition("/srv/os/.old"))
    assert have.places == {}


def test_a_file_beside_the_definitions_is_none() -> None:
    assert _made({"/srv/os/README": _script()}).places == {}


def test_scripts_must_be_there_and_runnable() -> None:
    tree = _definition("/srv/os/noop")
    assert not _made(tree).not_runnable
    del tree["/srv/os/noop/rename"]
    tree["/srv/os/noop/export"] = _script(mode="644")
    tree["/srv/os/noop/import"] = Entry("l", "777", "")
    tree["/srv/os/noop/common.sh"] = _script(mode="644")
    assert _made(tree).not_runnable == {"noop/rename", "noop/export", "noop/import"}
    assert _made(tree).contents["noop/import"] == "a broken link"


def test_create_may_be_untrusted_and_verify_missing() -> None:
    tree = _definition("/srv/os/noop")
    tree["/srv/os/noop/create_untrusted"] = tree.pop("/srv/os/noop/create")
    assert not _made(tree).not_runnable
    tree["/srv/os/noop/verify"] = _script(mode="600")
    assert _made(tree).not_runnable == {"noop/verify"}
    del tree["/srv/os/noop/create_untrusted"]
    assert _made(tree).not_runnable == {"noop/create", "noop/verify"}
