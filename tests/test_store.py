"""A stage runs again only where what decides its result changed, and what is kept is checked."""

import json
import os
import stat
from pathlib import Path

import pytest

from p2m import disk, pipeline, store
from p2m.artifacts import Choice, Examples, Report, Splits, Student, TaskSpec
from p2m.components import identity
from p2m.fit.plan import Parallel
from p2m.stages import Work
from p2m.store import DONE, KEPT, TO_DO, Store
from tests.doubles import QuietBar
from tests.stand_ins import load_stand_ins, node, notes

NONE = {"_target_": "p2m.retriever.none.NoRetriever"}


class House:
    """A store in a folder, and the stages of a run as stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.log, self.said = folder / "log", []
        self.store = Store(folder / "store", self.work, self.said.append)

    def work(self, stage, folder, meter):
        return Work(folder, stage, "run", "account", QuietBar(), meter)

    def nodes(self, retriever=None, lr=0.1, **changes):
        everything = {
            "prompt": node("Asker", text="Say it louder."),
            "parser": node("Reader"),
            "model": node("Chooser"),
            "retriever": retriever or self.source(["a", "b"]),
            "generator": node("Copier", suffix="!"),
            "processor": node("Splitter"),
            "trainer": node("Learner", lr=lr, fail="", log=self.log),
            "evaluator": node("Judge", log=self.log),
        }
        return everything | changes

    def source(self, inputs, candidate="here"):
        return node("Source", inputs=inputs, candidate=candidate, log=self.log)

    def run(self, plan=False, **changes):
        """The results of all stages; self.ran: the stages that ran."""
        before = len(notes(self.log))
        maker = Store(self.store.root, self.work, self.said.append, plan)
        results = pipeline.run(self.nodes(**changes), maker.make)
        self.ran = [words[0] for words in notes(self.log)[before:]]
        return results


@pytest.fixture
def house(tmp_path, monkeypatch) -> House:
    load_stand_ins(monkeypatch)
    return House(tmp_path)


def words(results) -> dict[str, str]:
    return {stage: result.state for stage, result in results.items()}


def test_a_second_run_runs_nothing(house):
    first, second = house.run(), house.run()
    assert house.ran == []
    assert {result.state for result in first.values()} == {DONE}
    assert {result.state for result in second.values()} == {KEPT}
    assert [r.key for r in first.values()] == [r.key for r in second.values()]


def test_an_earlier_stage_that_gives_the_same_again_costs_nothing_later(house):
    house.run(retriever=house.source(["a", "b"], "here"))
    results = house.run(retriever=house.source(["a", "b"], "there"))
    assert house.ran == ["retriever"]
    assert results["retriever"].state == DONE
    assert results["generator"].kept
    assert results["retriever"].value.dropped == {"there": 1}, "its report is its own"


def test_other_rows_are_another_input(house):
    house.run()
    results = house.run(retriever=house.source(["a", "c"]))
    assert house.ran == ["retriever", "trainer", "evaluator"]
    assert results["trainer"].state == DONE


def test_a_test_set_that_comes_later_is_measured_with_and_nothing_else_is_done_again(house):
    house.run()
    prompt = node("Asker", text="Say it louder.", tests=["a", "c"])
    assert words(house.run(plan=True, prompt=prompt))["trainer"] == (
        "to do unless prompt gives what it gave"
    )
    results = house.run(prompt=prompt)
    assert house.ran == ["evaluator"]
    assert [stage for stage, result in results.items() if not result.kept] == [
        "prompt",
        "processor",
        "evaluator",
    ]


def test_two_retrievers_that_bring_nothing_train_once(house):
    copier = node("Copier", suffix="!", more=["x"])
    first = house.run(retriever=NONE, generator=copier)
    second = house.run(retriever=house.source([]), generator=copier)
    assert house.ran == ["retriever"]
    assert first["trainer"].folder == second["trainer"].folder
    assert first["retriever"].folder != second["retriever"].folder


def test_a_plan_says_what_hangs_on_what_an_earlier_stage_gives(house):
    house.run()
    planned = words(house.run(plan=True, retriever=house.source(["a", "b"], "there")))
    again = "to do unless retriever gives what it gave"
    assert planned == {
        "prompt": "kept",
        "parser": "kept",
        "model": "kept",
        "retriever": "to do",
        "generator": again,
        "processor": again,
        "trainer": again,
        "evaluator": again,
    }
    assert house.ran == []
    other = house.source(["a"], "there")
    assert words(house.run(plan=True, retriever=other, lr=0.5))["trainer"] == "to do"


def test_a_plan_names_the_stage_whose_own_settings_changed(house):
    house.run()
    planned = words(house.run(plan=True, retriever=house.source([]), lr=0.5))
    assert planned["trainer"] == "to do"
    assert planned["evaluator"] == "to do unless retriever and trainer give what they gave"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "a flipped byte": (
        "trainer",
        "model.safetensors",
        flip,
        "model.safetensors is not what was written",
    ),
    "a cut file": (
        "processor",
        "train.jsonl",
        lambda path: path.write_bytes(path.read_bytes()[:-5]),
        "train.jsonl has ",
    ),
    "a missing file": ("processor", "train.jsonl", Path.unlink, "train.jsonl is missing"),
    "no value": (
        "trainer",
        "value.json",
        lambda path: path.write_text(""),
        "value.json has 0 bytes instead of ",
    ),
    "no record": (
        "trainer",
        "made.json",
        lambda path: path.write_text(""),
        "made.json has 0 bytes instead of ",
    ),
    "an empty manifest": (
        "trainer",
        "manifest.json",
        lambda path: path.write_text(""),
        "manifest.json cannot be read",
    ),
    "a manifest of nothing": (
        "trainer",
        "manifest.json",
        lambda path: path.write_text('{"files": {}}'),
        "manifest.json cannot be read",
    ),
    "no manifest": ("trainer", "manifest.json", Path.unlink, "manifest.json is missing"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_what_is_damaged_is_told_and_made_again(house, how):
    stage, name, spoil, message = DAMAGES[how]
    good = (house.run()[stage].folder / name).read_bytes()
    folder = house.run()[stage].folder
    spoil(folder / name)
    planned = house.run(plan=True)[stage]
    assert planned.state.startswith(f"damaged, made again: {message}")
    house.said.clear()
    result = house.run()[stage]
    assert result.state == DONE
    damaged = [r.state for r in house.said if r.state not in {KEPT, DONE, TO_DO}]
    assert damaged == [planned.state]
    assert result.value == house.run()[stage].value
    assert disk.find_damage(folder) == ""
    if name not in {"made.json", "manifest.json"}:  # these tell times
        assert (folder / name).read_bytes() == good


def test_a_plan_passes_over_records_that_cannot_be_read(house):
    folder = house.run()["trainer"].folder
    (folder / "made.json").write_text("")
    assert words(house.run(plan=True, retriever=house.source([])))["trainer"] == "to do"


def test_what_is_damaged_stays_until_the_new_one_is_whole(house):
    folder = house.run()["trainer"].folder
    flip(folder / "model.safetensors")
    failing = node("Learner", lr=0.1, fail="no", log=house.log)
    with pytest.raises(Exception, match="no"):
        house.run(trainer=failing)
    assert (folder / "model.safetensors").exists()


def test_a_kill_before_the_rename_leaves_no_manifest_that_lists_itself(house):
    folder = house.run()["trainer"].folder
    folder.rename(folder.with_name(f"{folder.name}.part"))
    (folder.with_name(f"{folder.name}.part") / "model.safetensors.77.part").write_text("half")
    house.run()
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(listed) == {"value.json", "made.json", "model.safetensors", "curve.jsonl"}
    assert disk.find_damage(folder) == ""


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_what_is_kept_unless_the_umask_says_no(house, umask, mode):
    before = os.umask(umask)
    try:
        folder = house.run(trainer=node("Private", log=house.log))["trainer"].folder
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {mode}, modes


def test_figures_of_people_are_no_content(house):
    results = house.run()
    digests = {}
    for kind in (Choice, Examples, Report, Splits, Student, TaskSpec):
        assert getattr(kind, "REPORT", frozenset()) <= {
            "candidates",
            "dropped",
            "doubts",
            "curve.jsonl",
            "why",
        }
    for stage, result in results.items():
        digests[stage] = result.content()
    assert len(set(digests.values())) == len(digests)


@pytest.mark.parametrize(
    ("spent", "seconds"), [({"seconds": 5.0, "since": 1000.0}, 12.0), ({}, 0.0)]
)
def test_seconds_of_a_command_that_was_killed_count_up_to_its_last_file(tmp_path, spent, seconds):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/000000012").write_text("")
    (tmp_path / store.SPENT).write_text(json.dumps(spent))
    for path, at in (
        (tmp_path / "checkpoints/000000012", 1007),
        (tmp_path / "checkpoints", 1003),
        (tmp_path / store.SPENT, 1000),
    ):
        os.utime(path, (at, at))
    assert store._spent_before(tmp_path) == seconds


def test_a_stage_that_nobody_began_took_no_time(tmp_path):
    assert store._spent_before(tmp_path) == 0.0


def test_a_group_of_settings_decides_a_result_but_for_its_runtime_ones():
    def name(**changes):
        usual = {"strategy": "auto", "devices": 1, "nodes": 1, "launch": [], "threads": 1}
        group = Parallel(**usual | changes)
        return identity({"_target_": "p2m.trainer.lightning.Lightning", "parallel": group})

    assert name() == name(launch=["env"])
    assert name() != name(threads=2)
