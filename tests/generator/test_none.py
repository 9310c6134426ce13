"""No generation at all."""

from p2m.artifacts import Examples, TaskSpec
from p2m.generator.none import Nothing


def test_it_writes_nothing_and_asks_nobody(work):
    assert Nothing().run(TaskSpec("Do."), Examples(), work) == Examples((), (), {})
    assert work.meter.calls == 0
