"""Every error that a user can cause or cure, and the exit code of each.

Anything else is a bug and keeps its traceback.
"""

import difflib
from collections.abc import Iterable

from hydra.errors import CompactHydraException


class UserError(CompactHydraException):
    """Says what is wrong, where, and what would be right; it is shown without a traceback."""

    code = 64


class UsageError(UserError):
    """The command line names a verb, a run or a flag that does not exist."""

    code = 2


class ConfigError(UserError):
    """One message for all faults found in the composed configuration."""


class InputError(UserError):
    """A file or a prompt that the user gave cannot be used as it is."""


class BudgetError(UserError):
    """A cap of `budget` is reached; all that was paid for is kept."""

    code = 7


class IncompleteError(UserError):
    """A stage could not make enough of what it must make; what it has is kept."""

    code = 8


class DiskFullError(UserError):
    """There is no room left to write; what was acknowledged before is whole."""

    code = 28


class ServiceError(UserError):
    """A server that the run needs does not answer, or refuses."""

    code = 69


class Stopped(BaseException):
    """SIGTERM, SIGHUP or Ctrl-C arrived.  Not an Exception, so that nothing mends it on its way."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.code = 128 + signum


class Interrupted(Stopped, KeyboardInterrupt):
    """A Stopped that a signal's handler may raise: asyncio lets a KeyboardInterrupt through.

    Never KeyboardInterrupt itself: where that passes through an exec of a string, as dataclasses do
    while they are imported, Python 3.11 remembers it and `python -m` dies of SIGINT at its end,
    whoever caught it (run_eval_code_obj in pythonrun.c).
    """


def listed(title: str, faults: list[str]) -> str:
    """*title* and one indented line a fault: the form of every message that reports several."""
    return "\n".join([title, *(f"  {fault}" for fault in faults)])


def near(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where one of *known* is close to *word*, else nothing."""
    name = nearest(word, known)
    return f" (did you mean '{name}'?)" if name else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of *known* that *word* may be a slip of, whatever their case."""
    names = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), names, 1)
    return names[matches[0]] if matches else None
