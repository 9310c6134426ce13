from p2m.tracker.none import NoTracker


def test_nothing_is_written(tmp_path):
    NoTracker().end(tmp_path, {"seed": 1}, None)
    assert list(tmp_path.iterdir()) == []
