"""A sweep's jobs run where a launcher puts them, and share one store and one ledger."""

import csv
import importlib.util
import shutil
import sqlite3
import tempfile

import pytest

from tests.test_command import SMALL, p2m

LAUNCHERS = {
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", ["hydra.launcher.timeout_min=10"]),
    "ray": ("hydra_plugins.hydra_ray_launcher", ["+hydra.launcher.ray.init.num_cpus=2"]),
}


def missing(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is None
    except ModuleNotFoundError:
        return True


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", list(LAUNCHERS))
def test_the_jobs_of_a_sweep_run_elsewhere_and_pay_once(tmp_path, name, request):
    module, more = LAUNCHERS[name]
    if name == "ray":  # whose sockets stand below this folder, in paths of at most 107 bytes
        short = tempfile.mkdtemp(prefix="ray")
        request.addfinalizer(lambda: shutil.rmtree(short, ignore_errors=True))
        more = [*more, f"+hydra.launcher.ray.init._temp_dir={short}"]
    if missing(module):
        pytest.skip(
            f"{module} is not installed: pip install 'p2m[{'ray' if name == 'ray' else 'slurm'}]'"
        )
    done = p2m(
        tmp_path,
        "-m",
        *SMALL,
        "trainer.optimizer.lr=1e-3,1e-4",
        f"hydra/launcher={name}",
        *more,
        f"hydra.sweep.dir={tmp_path}/sweep",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "sweep/sweep.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["complete", "complete"]
    assert len(list((tmp_path / "store/generator").glob("*/value.json"))) == 1, (
        "what the jobs share should be made once"
    )
    calls = sqlite3.connect(tmp_path / "calls/calls.sqlite")
    assert calls.execute("select count(*) - count(distinct key) from attempts").fetchone() == (0,)
