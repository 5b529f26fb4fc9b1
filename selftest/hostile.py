"""What every parser has to stand: any text, and real answers with a piece damaged."""

import contextlib
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gntverify.errors import ParseError

RELAXED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def parses_or_refuses(parser: Callable[[str], Any], text: str) -> None:
    """The parser returns, or says that it does not understand; any other exception is a fault."""
    with contextlib.suppress(ParseError):
        parser(text)


def damaged(data: st.DataObject, whole: str) -> str:
    """The text with up to 40 characters of it replaced by up to 5 others."""
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    return whole[:start] + data.draw(st.text(max_size=5)) + whole[end:]
