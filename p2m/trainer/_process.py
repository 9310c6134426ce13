"""The process that trains, seen from outside: started, listened to, and ended with us."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from p2m import errors
from p2m.artifacts import Student
from p2m.errors import UserError
from p2m.stages import Bar
from p2m.student.build import find
from p2m.student.machine import SPINS, quiet, share_cores

LOG = "fit.log"
PLACES = (
    "RANK",
    "LOCAL_RANK",
    "NODE_RANK",
    "GROUP_RANK",
    "WORLD_SIZE",
    "TORCHELASTIC_",
    "SLURM_",
)  # beginnings of names
TAIL_LINES = 15  # of the log, shown when the process dies: a Python traceback's end
FAREWELL_S = (
    60.0  # for one last step and a checkpoint after SIGTERM: gigabytes, where the student is large
)
PACKAGE = Path(__file__).resolve().parent.parent.parent


def fit(
    folder: Path,
    bar: Callable[[float | None, str], AbstractContextManager[Bar]],
    launch: Sequence[str] = (),
) -> Student:
    """The student that the job in *folder* describes.  launch: words before the command, of a launcher such as torchrun or srun.

    Raises what the process reports, or UserError with the end of its log.
    """
    with _started(folder, launch) as process:
        said = _messages(process, folder / LOG)
        total = next((m["total"] for m in said if "total" in m), None)
        if total is not None:
            with bar(total, "examples") as shown:
                _follow(said, shown)
        process.wait()
    student = find(folder)  # the last that is written
    if not student:
        raise UserError(_why(process.returncode, folder))
    return student


def _follow(said: Iterator[dict[str, Any]], shown: Bar) -> None:
    """Moves the bar while the process tells of examples."""
    at = 0
    for message in said:
        if "examples" in message:
            shown.advance(message["examples"] - at)
            at = message["examples"]
            shown.note(message["note"])


def _messages(process: "subprocess.Popen[bytes]", log: Path) -> Iterator[dict[str, Any]]:
    """What the process says.  Lines that are no message are a launcher's, and go to the *log*."""
    assert process.stdout
    for line in process.stdout:
        message = _message(line)
        if message is None:
            with log.open("ab") as file:
                file.write(line)
        elif "error" in message:
            kinds = {
                c.__name__: c
                for c in vars(errors).values()
                if isinstance(c, type) and issubclass(c, UserError)
            }
            raise kinds.get(message["kind"], UserError)(message["error"])
        else:
            yield message


def _message(line: bytes) -> dict[str, Any] | None:
    """The object in *line*, before which a launcher may have put whose line it is (srun --label: `0: `)."""
    try:
        found = json.loads(line[max(line.find(b"{"), 0) :])
    except ValueError:
        return None
    return (
        found
        if isinstance(found, dict) and found.keys() & {"total", "examples", "student", "error"}
        else None
    )


@contextlib.contextmanager
def _started(folder: Path, launch: Sequence[str] = ()) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, ended with the block: asked first, so that it keeps where it is, then made to.

    It has a session of its own, so that Ctrl-C reaches us alone, and it ends by itself when its stdin closes, which is when we die.
    """
    # torchrun takes `-m module` itself; any other launcher starts a whole command
    words = () if any(Path(word).name == "torchrun" for word in launch) else (sys.executable,)
    command = [*launch, *words, "-m", "p2m.fit.train", str(folder)]
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(bool(launch)),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(FAREWELL_S)
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def _environment(launched: bool) -> dict[str, str]:
    """Ours, less the keys of teachers, which training has no use for.

    And less our own place among other processes where no launcher gives new ones: a job of a cluster is not a rank of the training.
    """
    share_cores()
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.endswith("_API_KEY") and (launched or not k.startswith(PLACES))
    }
    path = os.pathsep.join(p for p in (str(PACKAGE), os.environ.get("PYTHONPATH", "")) if p)
    fixed = {
        "TOKENIZERS_PARALLELISM": "false",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }  # the second: what CUDA needs to be deterministic
    if quiet():
        kept.setdefault(
            "GOMP_SPINCOUNT", SPINS
        )  # threads wait awake for a moment before they sleep
    return kept | fixed | {"PYTHONPATH": path}


def _why(code: int, folder: Path) -> str:
    """What is told of a process that died without a word of its own."""
    again = "The same command goes on from its last checkpoint."
    lines = (
        (folder / LOG)
        .read_text(encoding="utf-8", errors="replace")
        .strip()
        .splitlines()[-TAIL_LINES:]
    )
    if code == -signal.SIGKILL:
        cause = "most likely because memory ran out (a smaller trainer.max_tokens needs less), or after another process of the training"
        killed = f"trainer: the process that trains was killed (signal 9), {cause}. {again}"
        return errors.listed(f"{killed} Its last lines:", lines) if lines else killed
    how = f"died of signal {-code}" if code < 0 else f"ended with exit code {code}"
    return errors.listed(f"trainer: the process that trains {how}. {again} Its last lines:", lines)
