"""The training process, seen from outside: started, listened to, and ended with us."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from p2m import errors
from p2m.artifacts import Student
from p2m.errors import UserError
from p2m.stages import Bar, Work
from p2m.student.build import find
from p2m.student.machine import SPINS, quiet, share_cores

LOG = "fit.log"
# beginnings of the names that tell a process its place among others
PLACES = (
    "RANK",
    "LOCAL_RANK",
    "NODE_RANK",
    "GROUP_RANK",
    "WORLD_SIZE",
    "TORCHELASTIC_",
    "SLURM_",
)
TAIL_LINES = 15  # of the log, shown when the process dies: a Python traceback's end
# for one last step and a checkpoint after SIGTERM: gigabytes, where the student is large
FAREWELL_S = 60.0
PACKAGE = Path(__file__).resolve().parent.parent.parent
MESSAGES = {"total", "examples", "point", "error"}  # keys that tell one from what a launcher says


def fit(work: Work, launch: Sequence[str] = ()) -> Student:
    """The student that the plan in the work's folder describes.

    launch: words before the command, of a launcher such as torchrun or srun.
    Raises what the process reports, or UserError with the end of its log.
    """
    log = work.folder / LOG
    with _start(work.folder, log, launch) as process:
        messages = _messages(process, log)
        for message in messages:
            with work.bar(message["total"], "examples") as bar:  # which comes first
                _follow(messages, bar, work.point)
        process.wait()
    student = find(work.folder)  # the last that is written
    if not student:
        raise UserError(_cause(process.returncode, log))
    return student


def _follow(
    messages: Iterator[dict[str, Any]], bar: Bar, point: Callable[[Mapping[str, float]], None]
) -> None:
    """Moves the bar, and passes the points of the curve on, while the process trains."""
    examples = 0
    for message in messages:
        if "point" in message:
            point(message["point"])
        else:
            bar.advance(message["examples"] - examples)
            examples = message["examples"]
            bar.note(message["note"])


def _messages(process: "subprocess.Popen[bytes]", log: Path) -> Iterator[dict[str, Any]]:
    """What the process says.  Lines that are no message are a launcher's, and go to the *log*."""
    assert process.stdout
    for line in process.stdout:
        message = _parse(line)
        if message is None:
            with log.open("ab") as file:
                file.write(line)
        elif "error" in message:
            kinds = {kind.__name__: kind for kind in UserError.__subclasses__()}
            raise kinds.get(message["kind"], UserError)(message["error"])
        else:
            yield message


def _parse(line: bytes) -> dict[str, Any] | None:
    """The message in *line*, less a launcher's mark of whose it is (srun --label: `0: `)."""
    try:
        message = json.loads(line[max(line.find(b"{"), 0) :])
    except ValueError:
        return None
    return message if isinstance(message, dict) and message.keys() & MESSAGES else None


@contextlib.contextmanager
def _start(folder: Path, log: Path, launch: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, ended with the block: asked first, so that it keeps where it is, then made to.

    It has a session of its own, so that Ctrl-C reaches us alone, and it ends by itself when its
    stdin closes, which is when we die.
    """
    command = [*launch, sys.executable, "-m", "p2m.fit", str(folder)]
    if any(Path(word).name == "torchrun" for word in launch):  # which takes `-m module` itself
        command.remove(sys.executable)
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            env=environment(bool(launch)),
            start_new_session=True,
        )
    with process:  # closes its pipes, and waits
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(FAREWELL_S)
            except subprocess.TimeoutExpired:
                process.kill()


def environment(launched: bool) -> dict[str, str]:
    """Ours, less the keys of teachers, which training has no use for.

    And less our own place among other processes where no launcher gives new ones: a job of a
    cluster is not a rank of the training.
    """
    share_cores()
    ours = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    if not launched:
        ours = {k: v for k, v in ours.items() if not k.startswith(PLACES)}
    if quiet():  # threads wait awake for a moment before they sleep
        ours.setdefault("GOMP_SPINCOUNT", SPINS)
    paths = [str(PACKAGE), *filter(None, [ours.get("PYTHONPATH")])]
    return ours | {
        "PYTHONPATH": os.pathsep.join(paths),
        # as -P does for one process, for those that it or a launcher starts too: a random.py in
        # the working folder is not what `import random` means
        "PYTHONSAFEPATH": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what CUDA needs to be deterministic
    }


def _cause(code: int, log: Path) -> str:
    """Why a process died that said nothing of its own."""
    again = "The same command goes on from its last checkpoint."
    lines = log.read_text(encoding="utf-8", errors="replace").strip().split("\n")[-TAIL_LINES:]
    if code == -signal.SIGKILL:
        how = (
            "was killed (signal 9), most likely because memory ran out (a smaller"
            " trainer.max_tokens needs less), or after another process of the training"
        )
    elif code < 0:
        how = f"died of signal {-code}"
    else:
        how = f"ended with exit code {code}"
    message = f"trainer: the process that trains {how}. {again}"
    return errors.listed(f"{message} Its last lines:", lines) if any(lines) else message
