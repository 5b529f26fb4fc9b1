"""What a section of the deployment notes is to this project."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gntverify.errors import TargetRefused
from gntverify.site import Site
from gntverify.site.model import Node

if TYPE_CHECKING:
    from pyinfra.api.facts import FactBase
    from pyinfra.api.inventory import Inventory

T = TypeVar("T")
Where = Literal["all", "master", "others"]


@dataclass(frozen=True, slots=True)
class Change:
    """An operation that changes, or would change, a node: its name, and its commands."""

    node: str
    step: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a deploy may know: the site, and answers of other nodes.

    Attributes:
        master: FQDN of the node on which the cluster's commands run.
        planned: what a dry run has come to so far; empty in a run that changes something.
    """

    site: Site
    inventory: "Inventory"
    master: str
    planned: list[Change] = field(default_factory=list)

    @property
    def cluster_name(self) -> str:
        """The cluster's name; :func:`check_site` made sure of it."""
        return self.site.cluster.name or ""

    @property
    def cluster_address(self) -> str:
        """The cluster's address."""
        return str(self.site.cluster.address)

    def node(self, name: str) -> Node:
        """The site's node of that name.

        Raises:
            TargetRefused: the site has none.
        """
        found = self.site.node(name)
        if found is None:
            raise TargetRefused(f"Site {self.site.name!r} has no node {name!r}.")
        return found

    def plans(self, words: str, node: str | None = None) -> bool:
        """Whether this dry run has planned a command with these words, on that node or on any."""
        return any(
            words in command
            for change in self.planned
            if node in (None, change.node)
            for command in change.commands
        )

    def ask(self, name: str, fact: "type[FactBase[T]]", **arguments: Any) -> T:
        """A fact of another node than the one at hand."""
        host = self.inventory.get_host(name)
        answer: T = host.get_fact(fact, **arguments)
        return answer


@dataclass(frozen=True, slots=True)
class Stage:
    """A deploy, and the nodes it runs on.

    What a stage asks of the nodes is asked before any of it runs, so whatever needs the effect
    of another deploy on *another* node is a stage of its own.
    """

    where: Where
    deploy: Callable[[Context, Node], Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the notes: what it said, what is done today, and why that differs.

    Attributes:
        key: short name for ``--only`` and ``--from``.
        title: what each of its operations cites; a heading of the notes, or its topic in one.
        said: the notes' own words, shortened, commands as they stand.
        today: how that is meant today, in sentences.
        differs: why it is not the notes' letter; empty when it is.
    """

    key: str
    title: str
    said: str
    today: str
    differs: str
    stages: tuple[Stage, ...]
