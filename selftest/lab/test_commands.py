"""The lab's commands, without a lab: sentences, locks, names, ssh, and what a lab may be."""

import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gntverify.errors import SiteError
from provision.lab import cache
from provision.lab import lab as labs
from provision.lab.cli import lab
from provision.lab.plan import Plan
from provision.lab.sentence import in_one_sentence
from provision.lab.ssh import login, shell_text, ssh_config, to_node
from selftest.lab.conftest import SITE


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache.cache_dir()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SiteError("No site."), 1, "lab: No site.\n"),
        (KeyboardInterrupt(), 130, "lab: interrupted; "),
        (FileNotFoundError(2, "No such file", "/x"), 1, "lab: /x: No such file.\n"),
        (OSError("odd"), 1, "lab: the system: odd.\n"),
        (
            subprocess.CalledProcessError(2, ["ssh", "node1"], stderr="warning\nrefused\n"),
            1,
            "lab: `ssh node1` ended with status 2; it said: refused\n",
        ),
        (
            subprocess.CalledProcessError(2, ["true"], stderr="\n"),
            1,
            "lab: `true` ended with status 2; it said: nothing\n",
        ),
        (
            subprocess.TimeoutExpired("ssh node1", 60),
            1,
            "lab: `ssh node1` did not end within 60 s and was stopped.\n",
        ),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, in_one_sentence():
        raise error
    assert ended.value.code == status
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("command", ["up", "status", "down", "logs", "workload"])
def test_a_name_that_is_none_is_refused_by_every_command(command: str) -> None:
    done = CliRunner().invoke(lab, [command, "--name", ".."])
    assert done.exit_code == 1
    assert done.output.startswith("lab: '..' is no name for a lab: ")


def test_down_removes_the_lab_and_nothing_else(place: Path) -> None:
    (place / "labs/one/nodes").mkdir(parents=True)
    (place / "labs/two").mkdir()
    done = CliRunner().invoke(lab, ["down", "--name", "one"])
    assert (done.exit_code, done.output) == (0, "lab: 'one' is down.\n")
    assert [path.name for path in (place / "labs").iterdir()] == ["two"]


def test_who_waits_for_another_command_is_told_so() -> None:
    notes: list[str] = []
    told = threading.Event()

    def note(text: str) -> None:
        notes.append(text)
        told.set()

    def second() -> None:
        with cache.held("image", note):
            done.set()

    done = threading.Event()
    thread = threading.Thread(target=second)
    with cache.held("image", pytest.fail):
        thread.start()
        assert told.wait(5)
        assert not done.is_set()
    assert done.wait(5)
    thread.join()
    assert "another command is at work on this; waiting" in notes[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"site_file": SITE.with_name("lab2.toml")}, r"of the site file '.*lab\.toml'"),
        ({"baked": True}, "is up, but not baked"),
        ({"fresh": True}, "is up, but from the provisioned state"),
    ],
)
def test_a_lab_that_is_up_otherwise_is_not_the_one_asked_for(
    asked: dict[str, object], said: str, plan: Plan
) -> None:
    replace(plan, source="/states/x").save()
    plan.path("up").touch()
    same = {"site_file": SITE, "baked": False, "fresh": False}
    assert labs._present(Path(plan.home), **same).source == "/states/x"  # type: ignore[arg-type]  # of several types
    with pytest.raises(SiteError, match=said):
        labs._present(Path(plan.home), **same | asked)  # type: ignore[arg-type]  # as above


def test_a_lab_that_is_half_up_says_so(plan: Plan) -> None:
    with pytest.raises(SiteError, match=r"is half up.*lab down"):
        labs._present(Path(plan.home), SITE, baked=False, fresh=False)


@pytest.mark.parametrize("text", ["/" + "x" * 80, "/a,b", "/a:b", '/a"b', "/a%b"])
def test_a_path_that_the_tools_cannot_take_is_refused(text: str) -> None:
    labs.check_home(Path("/home/a user/.cache/gntverify/labs/lab"))
    with pytest.raises(SiteError, match="Set XDG_CACHE_HOME to another"):
        labs.check_home(Path(text))


def test_the_labs_own_ssh_reads_the_labs_configuration_alone(plan: Plan) -> None:
    config = str(plan.path("etc", "ssh_config"))
    assert login(plan, "node1") == ["ssh", "-F", config, "node1"]
    assert to_node(plan, "node1", "-v") == [
        *("ssh", "-F", config, "-o", "BatchMode=yes", "-v", "node1")
    ]


def test_ssh_itself_understands_the_configuration(plan: Plan, tmp_path: Path) -> None:
    home = tmp_path / "a user"
    made = replace(plan, home=str(home))
    (home / "etc").mkdir(parents=True)
    (home / "etc/ssh_config").write_text(ssh_config(made))
    argv = ["ssh", "-G", *login(made, "node2")[1:]]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout
    have = set(said.splitlines())
    assert {"hostname 192.0.2.2", "user root", "controlmaster false", "connecttimeout 60"} <= have
    assert f"identityfile {home}/keys/login" in have
    assert f"userknownhostsfile {home}/etc/known_hosts" in have


@pytest.mark.parametrize(
    ("words", "want"),
    [((), []), (("ls | wc",), ["ls | wc"]), (("echo", "a  b", "$x"), ["echo 'a  b' '$x'"])],
)
def test_several_words_are_one_command(words: tuple[str, ...], want: list[str]) -> None:
    assert shell_text(words) == want
