"""BM25 against a server with the hub's file layout: nothing here has met the hub itself."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FIRST, SECOND = "1" * 40, "2" * 40
CODE = """
import contextlib, json, sys
from pathlib import Path
import yaml
from p2m.artifacts import Example, TaskSpec
from p2m.retriever.bm25 import BM25
from p2m.stages import Work

class Bar:
    def advance(self, n=1): pass
    def note(self, text): pass

settings = yaml.safe_load(Path({conf!r}).read_text())
settings |= {{"teacher": None, "folder": None, "seed": 0, "hub": "required", "top_k": 1}} | {more!r}
del settings["_target_"]
shown = [Example(f"When was bridge {{n}} built? Bridge {{n}} was built in 190{{n}} by Ada.", \
f"190{{n}}", "prompt") for n in (3, 4)]
task = TaskSpec("Answer a question about a Wikipedia paragraph. The answer is a span of the \
paragraph.", shown)
work = Work(Path("work"), "retriever", "run", "account", lambda total, unit: \
contextlib.nullcontext(Bar()))
work.folder.mkdir(exist_ok=True)
found = BM25(**settings).run(task, work)
print(json.dumps([[[e.input, e.output, e.origin] for e in found.rows], found.dropped, [c.name for \
c in found.candidates]]))
"""


def rows(years):
    return [
        {
            "question": f"When was bridge {n} built?",
            "context": f"Bridge {n} was built in {n + 1900} by Ada.",
            "answers": {"text": [str(n + 1900)], "at": [21]},
        }
        for n in years
    ]


@pytest.fixture
def squad(hub):
    """`squad` as the hub has it: under a name that the old one leads to, parquet files named by the
    README."""
    (hub.root / "datasets/squad").mkdir()
    (hub.root / "datasets/squad/MOVED").write_text("rajpurkar/squad")

    def publish(commit, years):
        folder = hub.root / "datasets/rajpurkar/squad" / commit
        (folder / "plain_text").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows(years)), folder / "plain_text/train-0.parquet")
        files = (
            "configs:\n- config_name: plain_text\n  data_files:\n  - split: train\n    path: "
            "plain_text/train-*\n"
        )
        (folder / "README.md").write_text(f"---\n{files}---\n")

    publish(FIRST, range(10, 14))
    return publish


@pytest.fixture
def retrieve(hub, request):
    conf = str(request.config.rootpath / "conf/retriever/bm25.yaml")

    def run(**more):
        env = more.pop("env", {})
        more = {"revisions": str(hub.root / "met.json")} | more
        code = CODE.format(conf=conf, more=more).replace(
            "BM25(**settings)", 'BM25(**settings | {"revisions": Path(settings["revisions"])})'
        )
        return json.loads(hub.run(code, **env).split("\n")[-1])

    return run


def test_hub_set_is_found_loaded_and_named_by_its_commit(hub, squad, retrieve):
    found, dropped, candidates = retrieve()
    assert found[0] == [
        "When was bridge 10 built? Bridge 10 was built in 1910 by Ada.",
        "1910",
        f"hub:rajpurkar/squad@{FIRST}#0",
    ]
    assert [origin for _, _, origin in found] == [
        f"hub:rajpurkar/squad@{FIRST}#{i}" for i in range(4)
    ]
    assert (dropped, candidates) == ({}, ["squad"])


@pytest.mark.slow
def test_commit_met_at_first_use_is_kept_when_the_hub_moves_on(hub, squad, retrieve):
    first = retrieve()
    assert json.loads((hub.root / "met.json").read_text()) == {
        "datasets/squad": {"name": "rajpurkar/squad", "commit": FIRST}
    }
    squad(SECOND, range(20, 22))
    assert retrieve() == first
    assert (
        retrieve(revisions=str(hub.root / "other.json"))[0][0][2]
        == f"hub:rajpurkar/squad@{SECOND}#0"
    )
    assert (
        f"GET /datasets/rajpurkar/squad/resolve/{SECOND}/plain_text/train-0.parquet" in hub.asked()
    )


@pytest.mark.slow
def test_set_that_the_hub_does_not_have_is_counted(hub, retrieve):
    assert retrieve(top_k=3)[:2] == [[], {"sets: cannot be loaded": 3}]


@pytest.mark.slow
def test_set_above_max_set_is_not_loaded(hub, squad, retrieve):
    assert retrieve(max_set=87_598)[1]["sets: larger than max_set"] == 1
    assert not [line for line in hub.asked() if "squad" in line]


@pytest.mark.slow
def test_hub_that_stops_answering_in_auto_mode_is_counted(hub, squad, retrieve):
    assert retrieve(hub="auto", env={"HF_HUB_OFFLINE": "1"})[:2] == [
        [],
        {"sets: hub unreachable": 1},
    ]
    assert hub.asked() == []


@pytest.mark.slow
def test_folder_of_the_same_name_does_not_stand_in_for_a_hub_set(hub, squad, retrieve):
    (hub.root / "rajpurkar/squad").mkdir(parents=True)
    with pytest.raises(
        AssertionError,
        match=(
            r"\./rajpurkar/squad would be loaded in place of the hub's data set of that name; "
            r"start p2m from another"
        ),
    ):
        retrieve()
