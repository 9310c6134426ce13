from p2m.tracker.none import NoTracker


def test_nothing_is_written(tmp_path):
    NoTracker().log(tmp_path, {"seed": 1})
    assert list(tmp_path.iterdir()) == []
