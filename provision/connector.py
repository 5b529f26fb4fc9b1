"""How pyinfra reaches a node here: the system's OpenSSH, one connection a node, limits on all.

pyinfra's own ssh connector is paramiko: it knows a part of ``ssh_config`` and nothing of the
user's ``ssh`` otherwise. This one is ``ssh`` itself, so ProxyJump, agents, certificates and
``Match`` work as people have them, and a host key that is not known is refused.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, cast

import gevent
from gevent import subprocess as gsubprocess
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.util import get_file_io
from pyinfra.connectors.base import BaseConnector
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command_for_host

from gntverify.deadline import factor, scaled, wait_for
from gntverify.errors import DeadlinePassed, Unreachable

if TYPE_CHECKING:
    from pyinfra.api.command import StringCommand

CONNECT_S = 20.0
COMMAND_S = 60.0
BOOT_S = 180.0
LONGEST_POST_S = 600.0
"""What a server may take before its kernel starts; no emulation makes that longer."""
GRACE_S = 10.0
ENDED = 124
"""Exit status of a command that was ended at its limit, as ``timeout(1)`` has it."""


class OpenSshConnector(BaseConnector):
    """A node behind ``ssh NAME``; the master connection is shared by all runs of this process.

    Host data: ``ssh_config_file`` (``ssh -F``) and ``ssh_directory`` (where the control
    sockets live) come from the inventory. ``host.connector_data["last"]`` is the last exchange
    that failed: command, exit status, output.
    """

    handles_execution = True

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """One host a name."""
        yield name, {}, []

    @property
    def _socket(self) -> Path:
        return Path(self.host.data.ssh_directory) / f"{self.host.name[:40]}.sock"

    def _ssh(self, *arguments: str) -> list[str]:
        config = self.host.data.get("ssh_config_file")
        return [
            "ssh",
            *(["-F", str(config)] if config else []),
            "-oBatchMode=yes",
            "-oStrictHostKeyChecking=yes",
            f"-oConnectTimeout={int(scaled(CONNECT_S))}",
            "-oServerAliveInterval=15",
            f"-oControlPath={self._socket}",
            *arguments,
        ]

    def connect(self) -> None:
        """Open the connection that all commands share.

        Raises:
            ConnectError: ssh could not; its own words are in the message.
        """
        said = self._open_master()
        if said is not None:
            name = self.host.name
            raise ConnectError(
                f"Host {name!r} could not be reached: ssh said {said!r}. "
                f"Try `ssh {name} true`; its host key must be known and no password asked."
            )

    def _open_master(self) -> str | None:
        """None when the connection stands, else what ssh said."""
        # Not a pipe: the master goes to the background and would keep it open.
        with tempfile.TemporaryFile() as said:
            argv = self._ssh("-MNf", "-oControlPersist=600", "-n", self.host.name)
            try:
                status = gsubprocess.run(
                    argv, stdout=said, stderr=said, timeout=scaled(CONNECT_S) * 2, check=False
                ).returncode
            except gsubprocess.TimeoutExpired:
                return f"nothing for {scaled(CONNECT_S) * 2:.0f} s"
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
        return None if status == 0 else (lines[-1].strip() if lines else f"exit status {status}")

    def disconnect(self) -> None:
        """End the shared connection, if there is one."""
        self._run(self._ssh("-O", "exit", self.host.name), None, CONNECT_S)

    def _run(
        self, argv: Sequence[str], data: bytes | None, limit_s: float
    ) -> tuple[int, bytes, bytes]:
        try:
            done = gsubprocess.run(
                argv, input=data or b"", capture_output=True, timeout=limit_s, check=False
            )
        except gsubprocess.TimeoutExpired as err:
            return ENDED, err.output or b"", err.stderr or b""
        return done.returncode, done.stdout, done.stderr

    def _on_node(self, text: str, data: bytes | None, limit_s: float) -> tuple[int, bytes, bytes]:
        # The node ends it, with all it started; our own limit is for a node that hangs.
        text = f"LC_ALL=C.UTF-8 timeout -k 5 {limit_s:.0f} {text}"
        argv = self._ssh("-oControlMaster=no", self.host.name, text)
        status, out, err = self._run(argv, data, limit_s + scaled(GRACE_S))
        if status == ENDED:
            err += f"\nended after {limit_s:.0f} s, its limit".encode()
        return status, out, err

    def run_shell_command(
        self,
        command: "StringCommand",
        print_output: bool = False,  # noqa: ARG002 - the runner shows progress itself
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,
    ) -> tuple[bool, CommandOutput]:
        """Run it with ``_timeout`` seconds, or one scaled minute, as its limit."""
        arguments.pop("_get_pty", None)
        limit_s = arguments.pop("_timeout", None) or scaled(COMMAND_S)
        stdin = arguments.pop("_stdin", None)
        good = arguments.pop("_success_exit_codes", None) or [0]
        unix = make_unix_command_for_host(self.state, self.host, command, **arguments)
        text = unix.get_raw_value()
        data = stdin.encode() if isinstance(stdin, str) else None
        status, out, err = self._on_node(text, data, limit_s)
        output = CommandOutput([*_lines("stdout", out), *_lines("stderr", err)])
        if status not in good:
            self._remember(str(command), status, output.output)
        return status in good, output

    def put_file(
        self,
        filename_or_io: Any,
        remote_filename: str,
        remote_temp_filename: str | None = None,  # noqa: ARG002 - written beside its place
        print_output: bool = False,  # noqa: ARG002
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,
    ) -> bool:
        """Write it beside its place, then move it there: nobody reads a half of it."""
        with get_file_io(filename_or_io) as source:
            content = cast("bytes | str", source.read())
        data = content.encode() if isinstance(content, str) else content
        place = quote(remote_filename)
        limit_s = arguments.get("_timeout") or scaled(COMMAND_S)
        text = f"sh -c {quote(f'cat > {place}.new && mv {place}.new {place}')}"
        status, out, err = self._on_node(text, data, limit_s)
        if status:
            self._remember(f"upload to {remote_filename}", status, (out + err).decode())
        return status == 0

    def get_file(
        self,
        remote_filename: str,
        filename_or_io: Any,
        remote_temp_filename: str | None = None,  # noqa: ARG002
        print_output: bool = False,  # noqa: ARG002
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,
    ) -> bool:
        """Read it whole into the file or stream given."""
        limit_s = arguments.get("_timeout") or scaled(COMMAND_S)
        status, out, err = self._on_node(f"cat {quote(remote_filename)}", None, limit_s)
        if status:
            self._remember(f"read {remote_filename}", status, err.decode(errors="replace"))
            return False
        with get_file_io(filename_or_io, "wb") as sink:
            sink.write(out)
        return True

    def reboot(self) -> None:
        """Reboot and come back with another boot id.

        Raises:
            Unreachable: the boot id of now is not known, and without it no other one is.
            DeadlinePassed: it did not; the message tells what the command and ssh said last.
        """
        name = self.host.name
        before = self._boot_id()
        if not before:
            raise Unreachable(
                name, f"Node {name!r} did not tell its boot id: no reboot was tried."
            )
        # The command often loses its connection before it can tell its status.
        status, out, err = self._on_node("systemctl reboot", None, scaled(COMMAND_S))
        self.disconnect()

        def probe() -> tuple[str | None, str]:
            said = self._open_master()
            if said is not None:
                return None, said
            now = self._boot_id()
            if now not in ("", before):
                return now, "up"
            self.disconnect()
            return None, "still the old boot" if now else "no boot id"

        try:
            what = f"Node {name!r} after its reboot"
            wait_for(what, probe, boot_limit(), every_s=2.0, sleep=gevent.sleep)
        except DeadlinePassed as late:
            said = (out + err).decode(errors="replace").strip() or "nothing"
            raise DeadlinePassed(
                f"{late} `systemctl reboot` had ended with status {status} and said: {said}."
            ) from late
        self._on_node(
            "systemctl is-system-running --wait", None, scaled(BOOT_S)
        )  # degraded is for the verification to judge

    def _boot_id(self) -> str:
        status, out, _ = self._on_node(
            "cat /proc/sys/kernel/random/boot_id", None, scaled(CONNECT_S)
        )
        return out.decode().strip() if status == 0 else ""

    def _remember(self, command: str, status: int, output: str) -> None:
        self.host.connector_data["last"] = (command, status, output)


def boot_limit() -> float:
    """How long a reboot may take, unscaled: on a server the firmware takes most of it."""
    return max(BOOT_S, LONGEST_POST_S / factor())


class BlankConnector(BaseConnector):
    """A node on which every question has an empty answer: what is planned for a new one."""

    handles_execution = True

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """One host a name."""
        yield name, {}, []

    def run_shell_command(
        self,
        command: "StringCommand",  # noqa: ARG002 - nothing runs here
        print_output: bool = False,  # noqa: ARG002
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,  # noqa: ARG002
    ) -> tuple[bool, CommandOutput]:
        """Success without a word."""
        return True, CommandOutput([])

    def put_file(self, *_args: Any, **_kwargs: Any) -> bool:
        """Nothing is ever written.

        Raises:
            NotImplementedError: always; nothing runs on a blank node.
        """
        raise NotImplementedError("A blank node takes no files.")

    def get_file(self, *_args: Any, **_kwargs: Any) -> bool:
        """Nothing can be read.

        Raises:
            NotImplementedError: always; nothing runs on a blank node.
        """
        raise NotImplementedError("A blank node has no files.")


def socket_directory() -> Path:
    """A new private directory, short enough for a socket's path (107 bytes)."""
    return Path(tempfile.mkdtemp(prefix="gntp-", dir="/tmp"))


def remove_directory(directory: Path) -> None:
    """Remove it with what is left in it."""
    shutil.rmtree(directory, ignore_errors=True)


def _lines(name: str, data: bytes) -> list[OutputLine]:
    text = data.decode(errors="replace").removesuffix("\n")
    return [OutputLine(name, line) for line in text.split("\n")] if text else []
