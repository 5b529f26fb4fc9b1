"""What the lab asks of a running QEMU, over QMP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from qemu.qmp import QMPClient
from qemu.qmp.error import QMPError

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, DeadlinePassed
from provision.lab import node
from provision.lab.plan import Machine, Plan

CONNECT_LIMIT_S = 10.0
ASK_LIMIT_S = 10.0
SAVE_LIMIT_S = 60.0
UNLIMITED = 1 << 40
SETTLED = ("none", "completed", "failed", "cancelled")


class Monitor:
    """The monitor of one machine, while it is open."""

    def __init__(self, plan: Plan, machine: Machine, client: QMPClient) -> None:
        self.machine = machine
        self._plan = plan
        self._client = client

    async def ask(self, command: str, **arguments: object) -> Any:
        """One command, one answer.

        Raises:
            CommandFailed: QEMU refused or is gone.
            DeadlinePassed: it did not answer in time.
        """
        name, limit_s = self.machine.short, scaled(ASK_LIMIT_S)
        try:
            return await asyncio.wait_for(self._client.execute(command, arguments), limit_s)
        except TimeoutError as err:
            raise DeadlinePassed(
                f"The QEMU of node {name!r} did not answer to `{command}` within {limit_s:.0f} s."
            ) from err
        except QMPError as err:
            await asyncio.sleep(0.2)  # if it ended, its shell is just writing that down
            node.check_all(self._plan)
            raise CommandFailed(f"The QEMU of node {name!r} was told `{command}`: {err}.") from err

    async def save(self, target: Path) -> None:
        """Write the paused machine's memory and devices to a file.

        Raises:
            CommandFailed: QEMU could not.
            DeadlinePassed: it did not end in time.
        """
        await self.ask("migrate-set-parameters", **{"max-bandwidth": UNLIMITED})
        await self.ask("migrate", uri=f"file:{target}")
        await self.settled("completed")

    async def settled(self, wanted: str) -> None:
        """Wait for a migration, out or in, to reach the wanted end.

        Raises:
            CommandFailed: it failed, or a machine has come to its end.
            DeadlinePassed: it did not end in time.
        """
        state: dict[str, Any] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + scaled(SAVE_LIMIT_S)
        while loop.time() < end:
            node.check_all(self._plan)
            state = await self.ask("query-migrate")
            if state.get("status") == wanted:
                return
            if state.get("status") == "failed":
                raise CommandFailed(
                    f"The state of node {self.machine.short!r} could not be moved: "
                    f"{state.get('error-desc', 'QEMU gave no reason')}."
                )
            await asyncio.sleep(0.05)
        raise DeadlinePassed(
            f"The state of node {self.machine.short!r} was not moved within "
            f"{scaled(SAVE_LIMIT_S):.0f} s; last seen: {state.get('status', 'nothing')}."
        )

    async def abandon(self) -> None:
        """Give up a migration that is under way, if one is, and let the machine go on.

        Raises:
            CommandFailed: QEMU refused or is gone.
            DeadlinePassed: it did not answer in time.
        """
        await self.ask("migrate_cancel")
        for _ in range(100):
            state = (await self.ask("query-migrate")).get("status", "none")
            if state in SETTLED:
                break
            await asyncio.sleep(0.05)
        await self.ask("cont")


Deed = Callable[[Monitor], Awaitable[None]]


def on_all(plan: Plan, deed: Deed) -> None:
    """Do something with all machines at once; the sockets are the lab's, so only inside it.

    It is done to each to its end, whatever becomes of the others; then the first failure is
    raised.
    """
    asyncio.run(_on_all(plan, deed))


async def _on_all(plan: Plan, deed: Deed) -> None:
    deeds = (_on_one(plan, machine, deed) for machine in plan.machines)
    for result in await asyncio.gather(*deeds, return_exceptions=True):
        if result is not None:
            raise result


async def _on_one(plan: Plan, machine: Machine, deed: Deed) -> None:
    client = QMPClient(machine.short)
    client.logger.setLevel("CRITICAL")  # what goes wrong comes as an exception
    await _connected(client, plan, machine)
    try:
        await deed(Monitor(plan, machine, client))
    finally:
        with contextlib.suppress(QMPError, EOFError, OSError):  # it may have been told to quit
            await client.disconnect()


async def _connected(client: QMPClient, plan: Plan, machine: Machine) -> None:
    """The socket is there a moment after QEMU has started.

    Raises:
        CommandFailed: it is not, or a machine has come to its end.
    """
    loop = asyncio.get_running_loop()
    limit_s = scaled(CONNECT_LIMIT_S)
    end = loop.time() + limit_s
    while True:
        try:
            await asyncio.wait_for(client.connect(f"run/{machine.short}.qmp"), limit_s)
            return
        except (QMPError, TimeoutError) as err:
            node.check_all(plan)
            if loop.time() > end:
                raise CommandFailed(
                    f"The QEMU of node {machine.short!r} cannot be reached within "
                    f"{limit_s:.0f} s: {str(err) or 'it does not answer'}."
                ) from err
            await asyncio.sleep(0.1)
