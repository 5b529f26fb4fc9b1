"""Controls made up for a test, and whole runs of pytest over them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RUN_LIMIT_S = 120
CONTROL = '''
@control("{id}", severity="low", notes="base")
def test_{id}({subject}):
    """The statement {id} holds.

    Why: it was made up.
    Fix: mend {id}.
    """
    {body}
'''
HEAD = """
import os, time
import pytest
from gntverify.controls import control, need
"""
REPORT = """
def pytest_gntverify_report(run_dir):
    {body}
    (run_dir / "report.html").write_text((run_dir / "meta.json").read_text())
    return run_dir / "report.html"
"""


def _subject(control: str) -> str:
    return "cluster" if control.startswith("C") else "node"


class Suite:
    """A folder with controls made up for a test.

    Attributes:
        home: where it lies.
        config: ssh's, where its runs have hosts.
    """

    def __init__(self, home: Path, config: Path | None = None) -> None:
        self.home = home
        self._options = [f"--ssh-config={config}"] if config else []

    def write(self, *bodies: tuple[str, str], report: str = "pass") -> None:
        """The controls, id to body, and a report of their run; one ``C…`` judges the cluster."""
        (self.home / "node").mkdir(exist_ok=True)
        text = [CONTROL.format(id=id_, body=body, subject=_subject(id_)) for id_, body in bodies]
        (self.home / "node" / "test_made_up.py").write_text(HEAD + "".join(text))
        (self.home / "conftest.py").write_text(REPORT.format(body=report))

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """``pytest`` as a user would run it."""
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=."]
        argv += [*self._options, "--out=out", *options]
        environment = os.environ | {
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PYTHONPATH": str(ROOT),  # this tree, whichever one is installed
        }
        return subprocess.Popen(
            argv,
            cwd=self.home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        with self.start(*options) as child:
            out, err = child.communicate(timeout=RUN_LIMIT_S)
        return child.returncode, out, err

    @property
    def directory(self) -> Path:
        """The folder of the one run there was."""
        (found,) = (self.home / "out").iterdir()
        return found

    @property
    def meta(self) -> dict[str, Any]:
        """Its meta.json."""
        read: dict[str, Any] = json.loads((self.directory / "meta.json").read_text())
        return read

    @property
    def outcomes(self) -> list[tuple[str, str, str]]:
        """Control, node and outcome of each of its verdicts, in order."""
        return self.outcomes_of(self.directory)

    def outcomes_of(self, directory: Path) -> list[tuple[str, str, str]]:
        """The same of another run."""
        lines = (directory / "verdicts.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        return [(one["control"], one["node"].split(".")[0], one["outcome"]) for one in told]
