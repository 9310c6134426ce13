"""The training process: `python -m p2m.fit FOLDER` reads the plan there and leaves the student.

It is a process of its own because Lightning may start it again for each device, its memory goes
back with it, and its death must not end a sweep.  Its progress goes to stdout, one JSON a line.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from p2m.disk import explain_disk
from p2m.errors import Stopped, UserError

FAREWELL_S = 55.0  # for a last checkpoint when the process that started this one is gone


class Voice:
    """Writes messages to the real stdout; whatever a library prints goes to the log.

    Of several processes only the first speaks.
    """

    def __init__(self, rank: int = 0) -> None:
        self.rank = rank
        self.line = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)

    def say(self, message: dict[str, Any]) -> None:
        # who listened may be gone: a last checkpoint is still to be written
        with contextlib.suppress(BrokenPipeError):
            if not self.rank:
                self.line.write(json.dumps(message) + "\n")


class Signals:
    """A SIGTERM that came.  The end of stdin is taken for one: who started us is gone, and nobody
    else will end us."""

    def __init__(self) -> None:
        self.number = 0
        signal.signal(signal.SIGTERM, self._note)
        threading.Thread(target=self._watch, daemon=True).start()

    def _note(self, number: int, frame: Any) -> None:
        self.number = number

    def _watch(self) -> None:
        os.read(0, 1)  # nothing is ever written to it: this returns when its other end is closed
        self.number = signal.SIGTERM
        time.sleep(FAREWELL_S)
        os._exit(128 + signal.SIGTERM)


def main(folder: Path) -> int:
    from p2m.fit import distributed

    rank = distributed.rank()
    voice, signals = Voice(rank), Signals()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    (folder / "locks").mkdir(exist_ok=True)
    try:
        # Held by one process of each rank.  Those of a killed run may still be at their last
        # checkpoint, which all are to go on from.
        with explain_disk(folder), FileLock(folder / "locks" / str(rank)):
            from p2m.fit.train import fit

            fit(folder, voice.say, lambda: signals.number)
    except UserError as error:
        voice.say({"error": str(error), "kind": type(error).__name__})
        return error.code
    except Stopped as stopped:
        return stopped.code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
