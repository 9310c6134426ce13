"""Complete runs under outputs/, and which one a name means."""

import re
import time
from pathlib import Path

from p2m.errors import UsageError, listed, near

ROOTS = (Path("outputs/runs"), Path("outputs/sweeps"))
NONE_YET = "under outputs/ yet; make one with: p2m experiment=tickets"
LISTED = 5  # latest runs in an error
STUDENT = Path("student/value.json")  # what a complete run holds


def find(name: str, verb: str) -> Path:
    """The folder of the run: a path, a name as errors list them, or `latest`.

    It must hold a student; UsageError where it does not, or where there is no such run.
    """
    runs = _complete_runs()
    if name == "latest":
        if not runs:
            raise UsageError(f"p2m {verb} latest: there is no complete run {NONE_YET}")
        return runs[0]
    for run in (Path(name), *(root / name for root in ROOTS)):
        if (run / STUDENT).is_file():
            return run
        if run.is_dir():
            fault = f"{run} holds no student: not a run, or one that did not complete"
            break
    else:
        known = [*map(str, runs), *map(_short_name, runs)]
        fault = f"there is no such run{near(name, known)}"
    raise UsageError(listed(f"p2m {verb} {name}: {fault}", _latest(runs, verb)))


def find_jobs(name: str) -> list[Path]:
    """The complete jobs of the sweep in this folder, in their order; none where it is no sweep."""
    for folder in (Path(name), *(root / name for root in ROOTS)):
        jobs = [path.parents[1] for path in folder.glob(f"*/{STUDENT}")]
        if jobs and not (folder / STUDENT).is_file():
            return sorted(jobs, key=lambda job: (len(job.name), job.name))
    return []


def _complete_runs() -> list[Path]:
    """The latest first."""
    students = [path for root in ROOTS for path in root.glob(f"*/*/**/{STUDENT}")]
    runs = [path.parents[1] for path in students]
    return sorted(runs, key=_began, reverse=True)


def _began(run: Path) -> tuple[str, float]:
    """`date/time` from its name, which a copy keeps, else when its student was linked."""
    linked = (run / "student").lstat().st_mtime
    date, begun = run.parts[2:4]
    if re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        return f"{date}/{begun}", linked
    return time.strftime("%Y-%m-%d/%H-%M-%S", time.localtime(linked)), linked


def _short_name(run: Path) -> str:
    """The name less outputs/runs or outputs/sweeps."""
    return "/".join(run.parts[2:])


def _latest(runs: list[Path], verb: str) -> list[str]:
    if not runs:
        return [f"there is none {NONE_YET}"]
    return ["the latest are:", *(f"p2m {verb} {run}" for run in runs[:LISTED])]
