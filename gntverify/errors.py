"""Everything that keeps the harness from telling how a cluster is.

The tree::

    GntverifyError
    ├── SiteError        the site file, or an option, is wrong
    ├── TargetRefused    the hosts given are not something to run against
    ├── Unreachable      a host could not be asked (any more)
    ├── CommandFailed    a command ended with an exit status that tells nothing
    ├── CommandTimeout   a command did not end within its limit
    ├── ParseError       an answer came and was not understood
    └── DeadlinePassed   a condition was awaited and did not come

None of them means that a cluster is wrong: that is an ``AssertionError``, and only controls
raise it. Every message is a whole sentence: what was tried, what came back, what to do.
"""


class GntverifyError(Exception):
    """The root: something could not be told, or must not be done."""


class SiteError(GntverifyError):
    """The site file or an option is wrong; the message names file and key."""


class TargetRefused(GntverifyError):
    """The given hosts are not a target: no Ganeti node, two clusters, not readable, no hosts."""


class Unreachable(GntverifyError):
    """A host does not resolve, refuses, hangs, shows another host key, or was lost."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(message)
        self.host = host


class CommandFailed(GntverifyError):
    """A command ended with an exit status from which nothing can be told."""


class CommandTimeout(GntverifyError):
    """A command was ended at its time limit."""


class ParseError(GntverifyError):
    """An answer is not what the tool is documented to print."""


NOT_TOLD = (CommandFailed, CommandTimeout, ParseError)
"""The host answers, and does not tell this."""


class DeadlinePassed(GntverifyError):
    """A condition did not come in time; the message tells the last state seen."""
