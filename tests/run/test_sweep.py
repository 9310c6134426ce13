"""What the end of a sweep shows."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from p2m.run import sweep
from tests.finished_runs import answers, leave_run


@pytest.fixture
def end(tmp_path, monkeypatch, capsys):
    """end(*jobs) -> what is said when a sweep of these ends; a job is (overrides, right, of)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweep, "failed", [])

    def end(*jobs) -> str:
        for number, (overrides, right, n) in enumerate(jobs):
            folder = Path("sweep", str(number))
            if n:
                settings = {"model": overrides[0]}
                leave_run(folder, answers(right, n), seed=number, settings=settings)
            else:
                folder.mkdir(parents=True)
                note = {"message": "no\nroom", "code": 28}
                (folder / "failed.json").write_text(json.dumps(note))
            (folder / "overrides.json").write_text(json.dumps(overrides))
        config = OmegaConf.create({"mode": "run", "hydra": {"sweep": {"dir": "sweep"}}})
        sweep.Table().on_multirun_start(config)
        sweep.Table().on_multirun_end(config)
        return capsys.readouterr().out

    return end


def test_seeds_are_folded_and_what_failed_is_told(end):
    small, large = ["model=small", "seed=0", "x=1"], ["model=large", "seed=0", "x=1"]
    said = end((small, 40, 100), (small, 41, 100), (large, 70, 100), (large, 0, 0))
    assert "Sweep of 4 jobs" in said
    assert "model=small" in said
    assert "model=large is better than model=small, by 29.5 points" in said
    assert "Job 3 (model=large) is failed: no\n" in said
    assert said.endswith("\nsweep\n")
    assert sweep.failed == [28]
    assert len(Path("sweep/sweep.csv").read_text().splitlines()) == 5


def test_jobs_on_tests_of_their_own_are_shown_without_differences(end):
    said = end((["model=small"], 40, 100), (["model=large"], 30, 50))
    assert "40.0 [30.9, 49.8]" in said
    assert "No differences: sweep/1 was measured on another test set than sweep/0 (50 of" in said


def test_a_sweep_without_a_complete_job_says_so(end):
    assert end((["model=small"], 0, 0)).startswith("Sweep of 1 jobs: none is complete\n")
