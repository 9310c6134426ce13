"""What people type, as Hydra reads it: text gets quotes, `prompt=-` is standard input."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser  # no public door to the flags; the tests hold it
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException

from p2m.errors import UsageError, nearest
from p2m.text.read import text_of

STDIN = Path("/dev/stdin")
TEXT = "prompt.text"  # the one setting that holds prose
UNPICKLES = "--experimental-rerun"  # p2m does not offer it
QUOTES = ("'", '"')
STRUCTURES = ("[", "{", *QUOTES)  # what begins so was meant as Hydra's own syntax


def translate(argv: Sequence[str]) -> list[str]:
    """The arguments so that Hydra takes text as it was typed.

    UsageError for a flag that is not there, and where standard input holds no prompt.
    """
    flags, words = _part(argv)
    _refuse_unknown_flags(flags)
    is_sweep = any(flag in flags for flag in ("-m", "--multirun"))
    lines: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if word == "prompt=-":
            lines += ["prompt=text", f"{TEXT}={quote(_read_stdin())}"]
        elif not equals or key.startswith("~"):
            lines.append(word)
        elif value.startswith("~/"):  # which no shell expands after an equals sign
            lines.append(f"{key}={quote(str(Path(value).expanduser()))}")
        elif _is_readable(word, is_sweep):
            lines.append(word)
        else:
            lines.append(f"{key}={quote(value)}")
    return [*flags, *lines]


def _part(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Flags with their values, and settings: argparse knows these in one row only."""
    flags: list[str] = []
    words: list[str] = []
    for word in argv:
        is_value = bool(flags) and "=" not in word and not word.startswith("~")
        (flags if word.startswith("-") or is_value else words).append(word)
    return flags, words


def quote(text: str) -> str:
    """*text* as Hydra's syntax has it, so that it comes out as it is."""
    text = re.sub(r"(\\*)\$\{", lambda match: rf"{2 * match[1]}\${{", text)
    text = re.sub(r'(\\*)("|\Z)', lambda match: 2 * match[1] + match[2].replace('"', r"\""), text)
    return f'"{text}"'


def _is_readable(word: str, is_sweep: bool) -> bool:
    """Whether Hydra reads what was meant, or should itself say what it cannot read."""
    key, _, value = word.partition("=")
    override = _parse(word)
    if key.lstrip("+") != TEXT:
        return override is not None or value.startswith(STRUCTURES)
    if override is None:
        return False
    if is_sweep:  # over several prompts: their commas have no space behind them
        return value.startswith(QUOTES) or ", " not in value
    return isinstance(override._value, QuotedString)


def _parse(word: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(word)
    except (HydraException, ValueError):  # a number of 5,000 digits
        return None


def _read_stdin() -> str:
    how = "p2m prompt=- reads the prompt from it, as in: p2m prompt=- < my.md"
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(f"standard input is a terminal; {how}")
    text = text_of(STDIN)
    if not text.strip():
        raise UsageError(f"standard input is empty; {how}")
    return text


def _refuse_unknown_flags(argv: Sequence[str]) -> None:
    """Hydra takes a flag's beginning for the flag: --experiment for one that unpickles."""
    known = [flag for action in get_args_parser()._actions for flag in action.option_strings]
    for word in argv:
        flag, _, value = word.partition("=")
        if not flag.startswith("--") or flag == "--" or flag in known:
            continue
        near = nearest(flag, set(known) - {UNPICKLES})
        hint = f" (did you mean {near}?)" if near else ""
        setting = f"{flag.lstrip('-')}={value or '...'}"
        raise UsageError(
            f"p2m {flag}: there is no such flag{hint}; settings have no dashes: p2m {setting}"
        )
