"""Options that several commands of ``python -m provision`` have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def site_option(purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--site FILE``; ``purpose`` completes its help text."""
    return click.option(
        "--site",
        "site_file",
        default="sites/lab.toml",
        show_default=True,
        type=click.Path(path_type=Path),
        help=f"Site file{purpose}",
    )
