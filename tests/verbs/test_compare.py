"""The command line of `p2m compare`."""

import csv
import json
from pathlib import Path

import pytest

from p2m.errors import InputError, UsageError, UserError
from p2m.verbs import compare
from tests.finished_runs import answers, leave_run

SWEEP = "outputs/sweeps/2026-01-31/10-00-00-000001"


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Two configurations of two seeds, and a job that did not complete."""
    monkeypatch.chdir(tmp_path)
    for job in range(4):
        settings = {"model": {"size": job // 2}}
        right = 40 + job // 2 * 30 + job % 2
        leave_run(f"{SWEEP}/{job}", answers(right, 100), seed=job % 2, settings=settings)
    Path(SWEEP, "4").mkdir()
    return SWEEP


def test_a_sweep_is_compared_with_its_seeds_folded(sweep, capsys):
    assert compare.main([sweep]) == 0
    out = capsys.readouterr().out
    assert "4 runs, 100 examples" in out
    assert "model.size=1 is better than model.size=0, by 30.0 points" in out
    assert "  input 41  ->  y\n    model.size=0: n41\n    model.size=1: y\n" in out
    assert compare.main(["2026-01-31/10-00-00-000001"]) == 0
    assert capsys.readouterr().out == out


def test_json_and_csv_hold_the_figures(sweep, capsys):
    assert compare.main([f"{sweep}/0", f"{sweep}/2", "--json", "--csv", "t.csv"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    assert comparison["rows"][1]["difference"]["value"] == pytest.approx(0.3)
    assert comparison["sentences"][0].startswith("model.size=1 is better than model.size=0")
    with Path("t.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["label"], first["value"], first["n"]) == ("model.size=0", "0.4", "100")
    assert (first["difference.value"], float(second["difference.value"])) == (
        "",
        pytest.approx(0.3),
    )


@pytest.mark.parametrize(
    ("argv", "kind", "message"),
    [
        ([], UsageError, "p2m compare: the following arguments are required: RUN|SWEEP"),
        (["latst"], UsageError, "p2m compare latst: there is no such run"),
        ([f"{SWEEP}/4"], UsageError, f"p2m compare {SWEEP}/4: {SWEEP}/4 holds no student: not a"),
        (
            [SWEEP, "--by", "model.sise"],
            UsageError,
            "p2m compare --by model.sise: there is no such setting (did you mean 'model.size'?)",
        ),
        (
            [SWEEP, "--metric", "exact_mach"],
            InputError,
            (
                f"p2m compare: {SWEEP}/0 has no score exact_mach (did you mean"
                " 'exact_match'?), but exact_match; its command with metric=[...] measures without"
                " training again"
            ),
        ),
        (
            [SWEEP, "--csv", "no/t.csv"],
            UserError,
            "p2m compare: cannot write no/t.csv (No such file or directory)",
        ),
    ],
)
def test_what_cannot_be_compared_is_told(sweep, argv, kind, message):
    with pytest.raises(kind) as refused:
        compare.main(argv)
    assert str(refused.value).startswith(message)


def test_a_run_without_its_report_is_told(sweep):
    Path(sweep, "1/report.json").unlink()
    with pytest.raises(UsageError) as refused:
        compare.main([f"{sweep}/1"])
    assert str(refused.value) == (
        f"p2m compare: {sweep}/1 holds no report.json: the run did not complete; the command that"
        " began it goes on"
    )


def test_damaged_or_missing_predictions_are_told(sweep):
    path = Path(sweep, "1/report/predictions.real.jsonl")
    path.write_text(path.read_text()[:-5])
    with pytest.raises(InputError, match=r"p2m compare: .*/1/report is damaged .*makes it again"):
        compare.main([sweep])
    path.unlink()
    with pytest.raises(InputError) as refused:
        compare.main([sweep])
    assert str(refused.value) == (
        f"p2m compare: {SWEEP}/1 holds no predictions (predictions.real.jsonl)"
    )


def test_runs_on_other_tests_are_refused(sweep):
    leave_run("other", answers(3, 50))
    with pytest.raises(InputError, match="other was measured on another test set than outputs"):
        compare.main([sweep, "other"])
