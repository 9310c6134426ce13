"""The command: a verb (demo, calls, doctor), else the Hydra app."""

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Any

import hydra
from omegaconf import DictConfig

from p2m import config
from p2m.errors import Interrupted, Stopped, UsageError, UserError, near
from p2m.run import compose

VERBS = {"demo": "p2m.verbs.demo", "calls": "p2m.verbs.calls", "doctor": "p2m.verbs.doctor"}
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
        if (
            signal.getsignal(signum) is not signal.SIG_IGN
        ):  # as nohup has SIGHUP, and a shell's job in the background SIGINT
            signal.signal(signum, _stop)
    try:
        code = _dispatch(sys.argv[1:])
    except UserError as error:
        code = error.code
        print(error, file=sys.stderr)  # noqa: T201
    except Stopped as error:
        code = error.code
        print("\nStopped." if VERBS.keys() & set(sys.argv[1:2]) else STOPPED, file=sys.stderr)  # noqa: T201
    except BrokenPipeError:
        code = 141  # as a shell says of a command that SIGPIPE ended
    sys.stderr.flush()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has read enough, as `head` has; Python would complain of it once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _dispatch(argv: list[str]) -> int:
    if argv and argv[0] in VERBS:
        return int(importlib.import_module(VERBS[argv[0]]).main(argv[1:]))
    if argv and not argv[0].startswith(("-", "+", "~")) and "=" not in argv[0]:
        raise UsageError(
            f"p2m {argv[0]}: there is no such verb{near(argv[0], VERBS)}; there is {', '.join(VERBS)}, or key=value to run an experiment"
        )
    if help_text := compose.help_text(argv):
        print(help_text)  # noqa: T201
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
