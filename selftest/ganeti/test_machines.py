import subprocess
import sys
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import machines


def test_each_machine_has_its_name(samples: SimpleNamespace) -> None:
    assert machines.parse_machines(samples.MACHINES) == {
        "vm1.gnt.example",
        "stray",
        "process 3416",
    }


def test_a_node_without_machines_says_so() -> None:
    assert machines.parse_machines("end\n") == frozenset()


@pytest.mark.parametrize(
    "bad",
    [
        "machine 3414 vm1\n",
        "machine vm1\nend\n",
        "machine x vm1\nend\n",
        "end\nmachine 3414 vm1\n",
        "sh: awk: not found\nend\n",
    ],
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        machines.parse_machines(bad)


def test_the_command_sees_a_process_by_its_program() -> None:
    rename = "open('/proc/self/comm', 'w').write('qemu-system-x86')"
    code = f"import sys; {rename}; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            code,
            "-m",
            "64",
            "-name",
            "stray,debug-threads=on",
            "-vnc",
            "none",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        ran = subprocess.run(
            machines.COMMAND, capture_output=True, text=True, check=True, timeout=60
        )
        process.communicate("")
    assert f"machine {process.pid} stray,debug-threads=on\n" in ran.stdout
    assert "stray" in machines.parse_machines(ran.stdout)
