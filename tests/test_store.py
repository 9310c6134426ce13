"""What the store tells of a stage that several commands worked on."""

import json
import os

import pytest

from p2m import store


@pytest.mark.parametrize(
    ("told", "seconds"),
    [({"seconds": 5.0, "since": 1000.0}, 12.0), ({"seconds": 5.0}, 5.0), ({}, 0.0)],
)
def test_seconds_of_a_command_that_was_killed_count_up_to_its_last_file(tmp_path, told, seconds):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/000000012").write_text("")
    (tmp_path / store.SPENT).write_text(json.dumps(told))
    for path, at in (
        (tmp_path / "checkpoints/000000012", 1007),
        (tmp_path / "checkpoints", 1003),
        (tmp_path / store.SPENT, 1000),
    ):
        os.utime(path, (at, at))
    assert store._spent_before(tmp_path) == seconds


def test_a_stage_that_nobody_began_took_no_time(tmp_path):
    assert store._spent_before(tmp_path) == 0.0
