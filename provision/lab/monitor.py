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
from provision.lab.plan import Machine, Plan

SAVE_LIMIT_S = 60.0
UNLIMITED = 1 << 40


class Monitor:
    """The monitor of one machine, while it is open."""

    def __init__(self, machine: Machine, client: QMPClient) -> None:
        self.machine = machine
        self._client = client

    async def ask(self, command: str, **arguments: object) -> Any:
        """One command, one answer.

        Raises:
            CommandFailed: QEMU refused or is gone.
        """
        try:
            return await self._client.execute(command, arguments)
        except QMPError as err:
            raise CommandFailed(
                f"The QEMU of node {self.machine.short!r} was told `{command}`: {err}."
            ) from err

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
            CommandFailed: it failed.
            DeadlinePassed: it did not end in time.
        """
        state: dict[str, Any] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + scaled(SAVE_LIMIT_S)
        while loop.time() < end:
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


Deed = Callable[[Monitor], Awaitable[None]]


def on_all(plan: Plan, deed: Deed) -> None:
    """Do something with all machines at once; the sockets are the lab's, so only inside it."""
    asyncio.run(_on_all(plan, deed))


async def _on_all(plan: Plan, deed: Deed) -> None:
    await asyncio.gather(*(_on_one(machine, deed) for machine in plan.machines))


async def _on_one(machine: Machine, deed: Deed) -> None:
    client = QMPClient(machine.short)
    client.logger.setLevel("CRITICAL")  # what goes wrong comes as an exception
    await _connected(client, machine)
    try:
        await deed(Monitor(machine, client))
    finally:
        with contextlib.suppress(QMPError, EOFError, OSError):  # it may have been told to quit
            await client.disconnect()


async def _connected(client: QMPClient, machine: Machine) -> None:
    """The socket is there a moment after QEMU has started."""
    loop = asyncio.get_running_loop()
    end = loop.time() + scaled(10.0)
    while True:
        try:
            await client.connect(f"run/{machine.short}.qmp")
            return
        except QMPError as err:
            if loop.time() > end:
                raise CommandFailed(
                    f"The QEMU of node {machine.short!r} cannot be reached: {err}."
                ) from err
            await asyncio.sleep(0.1)
