"""A prompt from the standard input: p2m prompt=file prompt.path=- < my.md"""

import atexit
import functools
import shutil
import sys
import tempfile
from pathlib import Path

from pydantic_core import PydanticCustomError

from p2m.text.read import MAX_TEXT

STDIN = "-"


@functools.cache
def save_stdin() -> Path:
    """A file with what was read, for as long as this process lives: it can be read only once.

    A stage's key is made from what is in the file, not from where it lies.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise PydanticCustomError(
            "prompt_stdin", "- is the standard input, and nothing is piped into it (... < my.md)"
        )
    content = sys.stdin.buffer.read(MAX_TEXT + 1)
    folder = Path(tempfile.mkdtemp(prefix="p2m-prompt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "stdin.md"
    path.write_bytes(content)
    return path
