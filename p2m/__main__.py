"""The command: a verb (a file in verbs/), else the Hydra app."""

import os
import sys

# Python files of the working folder are no modules of ours, nor of the processes that we start.
if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]
os.environ["PYTHONSAFEPATH"] = "1"

import importlib
import pkgutil
import signal
from types import FrameType
from typing import Any

import hydra
from omegaconf import DictConfig

from p2m import config, verbs
from p2m.errors import Interrupted, Stopped, UsageError, UserError, near
from p2m.run import compose

VERBS = [m.name for m in pkgutil.iter_modules(verbs.__path__) if not m.name.startswith("_")]
STOPPED = "\nStopped. What was finished or paid for is kept: the same command goes on from there."
failed: list[int] = []  # exit codes of the jobs of this command that did not complete


@hydra.main(version_base="1.3", config_path=str(config.CONF), config_name="config")
def app(cfg: DictConfig) -> None:
    from p2m.run import job

    code = job.run(cfg)
    if code:
        failed.append(code)


def main() -> None:
    """Runs what the command line asks for and exits with the code that errors.py gives it."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # ignored are SIGHUP under nohup, and SIGINT in a shell's background jobs
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _stop)
    try:
        code = _dispatch(sys.argv[1:])
    except UserError as error:
        code = error.code
        print(error, file=sys.stderr)  # noqa: T201
    except Stopped as error:
        code = error.code
        is_verb = sys.argv[1:2] and sys.argv[1] in VERBS
        print("\nStopped." if is_verb else STOPPED, file=sys.stderr)  # noqa: T201
    except BrokenPipeError:
        code = 141  # as a shell says of a command that SIGPIPE ended
    sys.stderr.flush()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has read enough, as `head` has; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _dispatch(argv: list[str]) -> int:
    first = argv[0] if argv else ""
    if first in VERBS:
        return int(importlib.import_module(f"p2m.verbs.{first}").main(argv[1:]))
    if first and not first.startswith(("-", "+", "~")) and "=" not in first:
        raise UsageError(
            f"p2m {first}: there is no such verb{near(first, VERBS)}; there is {', '.join(VERBS)},"
            " or key=value to run an experiment"
        )
    if text := compose.help_text(argv):
        print(text)  # noqa: T201
        return 0
    compose.check(argv)
    try:
        app()
    finally:
        from p2m.run import sweep

        sweep.conclude()
    return max([*failed, *sweep.failed], default=0)


def _stop(signum: int, _frame: FrameType | None) -> Any:
    signal.signal(signum, signal.SIG_IGN)  # a second one must not cut the tidying short
    raise Interrupted(signum)


if __name__ == "__main__":
    os.environ.setdefault("HYDRA_FULL_ERROR", "0")
    main()
