from p2m.artifacts import Examples, TaskSpec
from p2m.retriever.none import NoRetriever


def test_nothing_is_retrieved(work):
    assert NoRetriever().run(TaskSpec("Say yes."), work) == Examples((), (), {})
