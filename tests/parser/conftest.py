"""A stage's surroundings, without a pipeline, and a teacher that says what a test tells it to."""

import contextlib
from concurrent.futures import Future

import pytest

from p2m.stages import Answer, Work


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
    return Work(folder, "parser", "run", "account", quiet)


class Told:
    """A teacher whose answer to each request is what *say* gives for it and its number: a text, or an Answer.  Keeps the requests."""

    def __init__(self, say):
        self.say, self.requests = say, []

    @contextlib.contextmanager
    def session(self, work):
        self.meter = work.meter
        yield self

    def submit(self, request):
        self.requests.append(request)
        said = self.say(request, len(self.requests) - 1)
        answer = (
            said
            if isinstance(said, Answer)
            else Answer(said, "ok", f"call{len(self.requests) - 1}", 0.5, True)
        )
        self.meter.add(answer.usd, answer.fresh)
        future = Future()
        future.set_result(answer)
        return future


@pytest.fixture
def told():
    return Told
