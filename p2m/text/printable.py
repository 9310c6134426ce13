"""Text from servers, files and models as a terminal may be given it."""

import re

# What a terminal obeys instead of showing: C0 but tab and newline, DEL, C1, the marks that turn the
# direction of writing, what ends a line without a newline, and halves of surrogate pairs.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """*text* with `\\u001b` and the like in place of what would control the terminal.

    Strings of JSON mean the same as before.
    """
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shorten(text: str, width: int) -> str:
    """*text* in one line of at most *width* characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."
