"""No generation at all."""

from p2m.artifacts import Examples, TaskSpec
from p2m.generator.none import NoGenerator


def test_it_writes_nothing_and_asks_nobody(work):
    assert NoGenerator().run(TaskSpec("Do."), Examples(), work) == Examples((), (), {})
    assert work.meter.calls == 0
