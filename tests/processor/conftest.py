"""A stage's surroundings, without a pipeline."""

import contextlib

import pytest

from p2m.stages import Work


class Quiet:
    def advance(self, n=1):
        pass

    def note(self, text):
        pass


@contextlib.contextmanager
def quiet(total, unit):
    yield Quiet()


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "stage"
    folder.mkdir()
    return Work(folder, "processor", "run", "account", quiet)
