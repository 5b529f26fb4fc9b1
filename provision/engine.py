"""Runs a section's stages through pyinfra: ask all nodes, then change what differs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gevent
from pyinfra.api.command import FunctionCommand
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.operations import run_ops
from pyinfra.api.state import BaseStateCallback
from pyinfra.context import ctx_host, ctx_state

from gntverify.errors import CommandFailed, GntverifyError
from provision.inventory import new_state
from provision.section import Change, Context, Section, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinfra.api.host import Host
    from pyinfra.api.state import State

TAIL_LINES = 40


@dataclass(slots=True)
class Outcome:
    """What a section came to.

    Attributes:
        operations: node to how many operations it went through.
        changes: those that changed something, or would have in a dry run.
    """

    operations: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def changed(self, node: str) -> int:
        """How many operations changed this node."""
        return sum(change.node == node for change in self.changes)


class StepFailed(CommandFailed):
    """A step failed on a node; the message is a block: node, step, command, output."""


class Watch(BaseStateCallback):
    """Tells which operation runs on which node."""

    def __init__(self, tell: "Callable[[str, str, bool], None]") -> None:
        self.tell = tell

    # static in pyinfra, but called on the instance it is given
    def operation_host_start(  # type: ignore[override]
        self, state: "State", host: "Host", op_hash: str
    ) -> None:
        """It began, where it is for this host; pyinfra tells all."""
        if op_hash in state.ops[host]:
            self.tell(host.name, step_name(state, op_hash), True)

    def operation_host_success(  # type: ignore[override]
        self, state: "State", host: "Host", op_hash: str, retry_count: int = 0
    ) -> None:
        """It came to its end."""
        del retry_count  # nothing is retried here
        self.tell(host.name, step_name(state, op_hash), False)


def step_name(state: "State", op_hash: str) -> str:
    """The operation's name, which cites its section."""
    names = sorted(state.get_op_meta(op_hash).names)
    return " / ".join(names).replace(" | ", ": ")


def be_quiet() -> None:
    """Failures are told once, by whoever runs the sections: not in pyinfra's or gevent's words."""
    logging.getLogger("pyinfra").setLevel(logging.CRITICAL + 1)
    hub = gevent.get_hub()
    hub.NOT_ERROR = (*hub.NOT_ERROR, GntverifyError, PyinfraError)


def run_section(
    section: Section,
    context: Context,
    *,
    dry: bool,
    tell: "Callable[[str, str, bool], None] | None" = None,
) -> Outcome:
    """Every stage of the section, on the nodes it is for.

    Raises:
        StepFailed: a command failed; nothing after it ran.
        TargetRefused: a node is not in a state from which the step may start.
    """
    outcome = Outcome()
    for stage in section.stages:
        state = _prepared(section, stage, context)
        if tell is not None:
            state.callback_handlers.append(Watch(tell))
        if dry:
            planned = list(_planned(state))
            outcome.changes += planned
            context.planned.extend(planned)
        elif _differs(state):
            _execute(section, state)
            outcome.changes += _changed(state)
        for host in state.inventory:
            count = outcome.operations.get(host.name, 0)
            outcome.operations[host.name] = count + len(state.ops[host])
    return outcome


def _prepared(section: Section, stage: Stage, context: Context) -> "State":
    state = new_state(context.inventory)
    hosts = [host for host in context.inventory if _takes_part(stage, host.name, context)]

    def prepare(host: "Host") -> None:
        with ctx_host.use(host):
            stage.deploy(context, context.node(host.name))

    # pyinfra keeps the host a greenlet, but the state only once
    with _failed_facts(section, state), ctx_state.use(state):
        greenlets = [gevent.spawn(prepare, host) for host in hosts]
        try:
            gevent.joinall(greenlets, raise_error=True)
        finally:
            gevent.killall(greenlets)
    return state


def _takes_part(stage: Stage, name: str, context: Context) -> bool:
    return stage.where == "all" or (stage.where == "master") == (name == context.master)


@contextmanager
def _failed_facts(section: Section, state: "State") -> Iterator[None]:
    """A question that a node did not answer is a failure of the step that asked it."""
    for host in state.inventory:
        host.connector_data.pop("last", None)
    try:
        yield
    except PyinfraError as err:
        raise _failure(section, state, "reading the node's state") from err


def _execute(section: Section, state: "State") -> None:
    try:
        run_ops(state)
    except PyinfraError as err:
        raise _failure(section, state, "") from err


def _failure(section: Section, state: "State", step: str) -> StepFailed:
    blocks = []
    for host in sorted(state.failed_hosts, key=lambda host: host.name):
        failed = [
            step_name(state, op_hash)
            for op_hash, op in state.ops[host].items()
            if op.operation_meta.is_complete() and op.operation_meta.did_error()
        ]
        name = failed[0] if failed else f"{section.title}: {step or 'before any step'}"
        last = host.connector_data.get("last", ("unknown", "?", "no output was kept"))
        blocks.append(_block(host.name, name, *last))
    return StepFailed("\n".join(blocks) or f"{section.title} failed, and no node is named.")


def _block(node: str, step: str, command: str, status: object, output: str) -> str:
    lines = output.strip().splitlines() or ["(no output)"]
    shown = [f"    ({len(lines) - TAIL_LINES} lines before)"] if len(lines) > TAIL_LINES else []
    shown += [f"    {line}" for line in lines[-TAIL_LINES:]]
    return "\n".join(
        (
            f"Step failed on {node!r}",
            f"  step:    {step}",
            f"  command: {command}",
            f"  status:  {status}",
            "  output:",
            *shown,
        )
    )


def _planned(state: "State") -> Iterator[Change]:
    """What is going to change, from the answers of just now."""
    for host in state.inventory:
        with ctx_state.use(state), ctx_host.use(host):
            for op_hash, op in state.ops[host].items():
                if op.operation_meta.will_change:
                    lines = tuple(_shown(command) for command in op.command_generator())
                    yield Change(host.name, step_name(state, op_hash), lines)


def _shown(command: object) -> str:
    """A command as text; of one that runs here, its function's name (``systemctl reboot``)."""
    if isinstance(command, FunctionCommand):
        return str(command.function.__name__).replace("_", " ")
    return str(command)


def _differs(state: "State") -> bool:
    return any(
        op.operation_meta.will_change
        for operations in state.ops.values()
        for op in operations.values()
    )


def _changed(state: "State") -> Iterator[Change]:
    """What did change."""
    for host in state.inventory:
        for op_hash, op in state.ops[host].items():
            if op.operation_meta.is_complete() and op.operation_meta.did_change():
                yield Change(host.name, step_name(state, op_hash), ())
