import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.facts import tree

NAMES = st.text("abc-_. ", min_size=1, max_size=8).map(lambda name: f"/x/{name}")
FILES = st.builds(
    tree.Entry, st.just("f"), st.sampled_from(["644", "755", "4755"]), st.just("ab" * 32)
)
OTHERS = st.builds(tree.Entry, st.sampled_from("dlp"), st.just("755"), st.just(""))


def _walked(*roots: str) -> dict[str, tree.Entry]:
    argv = tree.tree_argv(roots)
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    return tree.parse_tree(ran.stdout)


def test_links_are_followed_and_broken_ones_are_seen(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "create").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "real" / "create").chmod(0o755)
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "broken").symlink_to("nowhere")
    have = _walked(f"{tmp_path}/*", f"{tmp_path}/none")
    assert have[f"{tmp_path}/linked/create"] == have[f"{tmp_path}/real/create"]
    assert have[f"{tmp_path}/linked/create"].runs
    assert have[f"{tmp_path}/broken"].kind == "l"
    assert not have[f"{tmp_path}/broken"].runs
    assert str(have[f"{tmp_path}/broken"]) == "no file"


def test_no_root_is_an_answer(tmp_path: Path) -> None:
    assert _walked(str(tmp_path / "none")) == {}


@pytest.mark.parametrize("bad", ["relative", "/a b", "/$(id)", "/a;b", "/a'b", ""])
def test_no_root_is_given_to_a_shell_that_could_be_more(bad: str) -> None:
    with pytest.raises(ParseError, match="no path"):
        tree.tree_argv(["/etc", bad])


@pytest.mark.parametrize(
    "bad",
    [
        "f 644 /a\n",
        f"{'ab' * 32}  /a\n",
        f"d 755 /a\n{'ab' * 32}  /a\n",
        "find: File system loop detected\n",
        f"f 644 /a\n{'ab' * 32}  /a\n\n",
    ],
)
def test_an_answer_that_is_not_whole_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        tree.parse_tree(bad)


def test_a_sample_is_read(samples: SimpleNamespace) -> None:
    have = tree.parse_tree(samples.TREE)
    assert have["/usr/share/ganeti/os/noop"].kind == "d"
    assert have["/usr/share/ganeti/os/noop/create"].runs
    assert str(have["/usr/share/ganeti/os/noop/create"]) == "26461185352e mode 755"


@given(st.dictionaries(NAMES, st.one_of(FILES, OTHERS)))
def test_every_entry_written_is_read(want: dict[str, tree.Entry]) -> None:
    text = "".join(f"{entry.kind} {entry.mode} {path}\n" for path, entry in want.items())
    text += "".join(f"{e.sha256}  {path}\n" for path, e in want.items() if e.kind == "f")
    assert tree.parse_tree(text) == want
