"""The command: a verb (a file in verbs/), else the Hydra app."""

import os
import sys

# Python files of the working folder are no modules of ours, nor of the processes that we start.
if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]
os.environ["PYTHONSAFEPATH"] = "1"

import importlib
import logging
import pkgutil
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from p2m import __version__, config, verbs
from p2m.disk import explain_disk
from p2m.errors import Stopped, UsageError, UserError, near
from p2m.prompt.file import KINDS
from p2m.run import command_line, compose, stopping
from p2m.text.printable import printable

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
    stopping.listen()
    logging.setLogRecordFactory(_PrintableRecord)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors come here, with all that they have
    try:
        with explain_disk(Path("outputs")):
            code = _dispatch(sys.argv[1:])
    except (HydraException, OmegaConfBaseException) as error:
        code = getattr(error, "code", UserError.code)
        print(printable(str(error)), file=sys.stderr)  # noqa: T201
    except YAMLError as error:  # of a config file, where nothing was to be run
        code = UserError.code
        print(printable(" ".join(str(error).split())), file=sys.stderr)  # noqa: T201
    except Stopped as error:
        code = error.code
        is_verb = sys.argv[1:2] and sys.argv[1] in VERBS
        print("\nStopped." if is_verb else STOPPED, file=sys.stderr)  # noqa: T201
    except BrokenPipeError:
        code = 141  # as a shell says of a command that SIGPIPE ended
    finally:
        stopping.end_waiting()
    sys.stderr.flush()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has read enough, as `head` has; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


class _PrintableRecord(logging.LogRecord):
    """What is logged may quote servers and files."""

    def getMessage(self) -> str:  # noqa: N802  # logging names it
        return printable(super().getMessage())


def _dispatch(argv: list[str]) -> int:
    first = argv[0] if argv else "--help"
    if first in VERBS:
        return int(importlib.import_module(f"p2m.verbs.{first}").main(argv[1:]))
    if not first.startswith(("-", "+", "~")) and "=" not in first:
        raise UsageError(f"p2m {first}: {_explain(first)}")
    if "--version" in argv:
        print(f"p2m {__version__}")  # noqa: T201
        return 0
    argv = command_line.translate(argv or ["--help"])
    if text := compose.help_text(argv):
        print(text)  # noqa: T201
        return 0
    compose.check(argv)
    sys.argv[1:] = compose.open_mappings(argv)  # where Hydra reads it
    try:
        app()
    finally:
        from p2m.run import sweep

        sweep.conclude()
    return max([*failed, *sweep.failed], default=0)


def _explain(word: str) -> str:
    """What to write instead of *word*, which is neither a verb nor a setting."""
    if word.lower().endswith(KINDS):
        return f"to run the prompt in this file: p2m prompt=file prompt.path={word} teacher=..."
    if (config.CONF / "experiment" / f"{word}.yaml").is_file():
        return f"to run this experiment: p2m experiment={word}"
    return (
        f"there is no such verb{near(word, VERBS)}; there is {', '.join(VERBS)},"
        " or key=value to run an experiment"
    )


if __name__ == "__main__":
    main()
