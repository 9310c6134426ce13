"""A signal ends the command, wherever it comes, but never in the middle of an import."""

import os
import signal
from types import FrameType

from p2m.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPORTS = "<frozen importlib._bootstrap>"
AGAIN_S = 0.05  # between two looks whether an import has ended
_received: list[int] = []


def listen() -> None:
    """From here on a signal raises Interrupted."""
    for signum in SIGNALS:
        # ignored are SIGHUP under nohup, and SIGINT in a shell's background jobs
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _receive)


def check() -> None:
    """Raises once more what was raised where nobody could let it through: in a finalizer."""
    if _received:
        end_waiting()
        raise Interrupted(_received[0])


def end_waiting() -> None:
    """The command ends: nothing is raised any more for a signal that waited for an import."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, lambda *_: None)


def _receive(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_IGN)  # a second one must not cut the tidying short
    _received.append(signum)
    if _imports(frame):
        os.write(2, b"\nStopping as soon as what is being loaded is loaded ...\n")
    _raise_outside_imports(signum, frame)


def _raise_outside_imports(_signum: int, frame: FrameType | None) -> None:
    """Later, while a module is imported: torch swallows errors there, or is left half loaded."""
    if _imports(frame):
        signal.signal(signal.SIGALRM, _raise_outside_imports)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    else:
        raise Interrupted(_received[0])


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTS:
            return True
        frame = frame.f_back
    return False
