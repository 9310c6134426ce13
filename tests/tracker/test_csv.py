import csv
import logging
import threading

import pytest

from p2m.tracker.csv import Csv


def table(path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_is_a_row_of_figures_and_settings(tmp_path, run_folder):
    run = run_folder(tmp_path)
    Csv(tmp_path / "new" / "runs.csv").end(
        run,
        {
            "seed": 3,
            "metric": {"chrf": {}},
            "trainer": {"lr": 0.003, "betas": [0.9, 0.98], "cap": None},
        },
        None,
    )
    assert table(tmp_path / "new" / "runs.csv") == [
        {"run": str(run), "error": "", "on": "real"}
        | {
            f"scores.exact_match.{name}": value
            for name, value in {"value": "0.9", "low": "0.8", "high": "0.95", "n": "2"}.items()
        }
        | {
            f"baselines.untrained.exact_match.{name}": value
            for name, value in {"value": "0.0", "low": "0.0", "high": "0.0", "n": "2"}.items()
        }
        | {
            "usd": "0.5",
            "stages.trainer.key": "abc123",
            "stages.trainer.kept": "False",
            "stages.trainer.seconds": "2.5",
        }
        | {"examples.train": "10", "examples.dropped.processor: twice": "3"}
        | {
            "config.seed": "3",
            "config.trainer.lr": "0.003",
            "config.trainer.betas": "[0.9, 0.98]",
            "config.trainer.cap": "",
        }
    ]


def test_a_run_that_failed_is_a_row_with_the_error_and_its_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "canary-token-1")
    Csv(tmp_path / "runs.csv").end(tmp_path, {"seed": 3}, "no answer for canary-token-1")
    assert table(tmp_path / "runs.csv") == [
        {"run": str(tmp_path), "error": "no answer for <redacted>", "config.seed": "3"}
    ]


def test_points_of_a_run_are_in_its_folder_as_soon_as_they_are_told(tmp_path):
    tracker = Csv(tmp_path / "runs.csv")
    tracker.start(tmp_path, {})
    tracker.point("trainer", {"step": 10, "loss": 3.5})
    tracker.point("trainer", {"step": 20, "loss": 1.5, "valid_loss": 2.5})
    rows = [tuple(row.values()) for row in table(tmp_path / "points.csv")]
    assert rows == [
        ("trainer", "10", "loss", "3.5"),
        ("trainer", "20", "loss", "1.5"),
        ("trainer", "20", "valid_loss", "2.5"),
    ]


def test_points_that_cannot_be_written_are_one_line_of_warning(tmp_path, caplog):
    (tmp_path / "points.csv").mkdir()
    tracker = Csv(tmp_path / "runs.csv")
    tracker.start(tmp_path, {})
    tracker.point("trainer", {"step": 10, "loss": 3.5})
    tracker.point("trainer", {"step": 20, "loss": 1.5})
    (message,) = caplog.messages
    assert message.startswith(f"tracker: {tmp_path}/points.csv has no points from here on: [Errno")


def test_new_names_add_columns_and_earlier_rows_keep_theirs(tmp_path, run_folder):
    tracker = Csv(tmp_path / "runs.csv")
    tracker.end(run_folder(tmp_path / "a", {"usd": 1, "gone": 'x, "y"\nz'}), {}, None)
    tracker.end(run_folder(tmp_path / "b", {"usd": 2, "scores": {"f1": 0.5}}), {"seed": 0}, None)
    first, second = table(tmp_path / "runs.csv")
    assert (first["usd"], first["gone"], first["scores.f1"], first["config.seed"]) == (
        "1",
        'x, "y"\nz',
        "",
        "",
    )
    assert (second["usd"], second["gone"], second["scores.f1"], second["config.seed"]) == (
        "2",
        "",
        "0.5",
        "0",
    )


def test_secrets_stay_out_of_the_table(tmp_path, monkeypatch, run_folder):
    monkeypatch.setenv("SERVICE_TOKEN", "canary-token-1")
    Csv(tmp_path / "runs.csv").end(
        run_folder(tmp_path, {"note": "canary-token-1"}),
        {"teacher": {"api_key": "canary-key-2", "host": "canary-token-1"}},
        None,
    )
    assert "canary" not in (tmp_path / "runs.csv").read_text()


def test_runs_that_end_together_all_get_their_row(tmp_path, run_folder):
    runs = [run_folder(tmp_path / str(i), {"usd": i}) for i in range(8)]
    writers = [
        threading.Thread(
            target=Csv(tmp_path / "runs.csv").end, args=(run, {"name": str(run)}, None)
        )
        for run in runs
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(row["usd"] for row in table(tmp_path / "runs.csv")) == list("01234567")


def test_a_file_that_is_no_such_table_is_left_alone_with_a_warning(tmp_path, caplog, run_folder):
    path = tmp_path / "runs.csv"
    path.write_text("run,usd\na,1,too many\n")
    with caplog.at_level(logging.WARNING):
        Csv(path).end(run_folder(tmp_path), {}, None)
    assert path.read_text() == "run,usd\na,1,too many\n"
    assert caplog.messages == [
        (
            f"tracker: {path} has no row for this run: line 2 has more cells than the header has "
            f"names; mend it or give another tracker.path"
        )
    ]


@pytest.mark.parametrize("spoil", ["folder in its place", "no report"])
def test_a_failure_is_one_line_of_warning(tmp_path, caplog, spoil, run_folder):
    run, path = run_folder(tmp_path), tmp_path / "runs.csv"
    if spoil == "no report":
        (run / "report.json").unlink()
    else:
        path.mkdir()
    Csv(path).end(run, {}, None)
    (message,) = caplog.messages
    assert message.startswith(f"tracker: {path} has no row for this run: [Errno ")
    assert "\n" not in message
