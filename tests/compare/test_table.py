import json

import pytest

from p2m.compare import groups
from p2m.compare.table import compare
from p2m.compare.text import conclude
from tests.finished_runs import answers, leave_run


@pytest.fixture
def make(tmp_path):
    """make(name, right, ...) -> a run of 100 examples of which so many are right."""

    def make(name, right, start=0, **kwargs):
        return groups.read(leave_run(tmp_path / name, answers(right, 100, start), **kwargs))

    return make


def small(seed: int, **kwargs):
    return {"seed": seed, "settings": {"model": {"size": 1}} | kwargs}


def large(seed: int, **kwargs):
    return {"seed": seed, "settings": {"model": {"size": 2}} | kwargs}


def test_runs_that_differ_by_their_seed_are_one_configuration(make):
    comparison = compare([make("a", 50, **small(0)), make("b", 60, **small(1))])
    (row,) = comparison.rows
    assert (row.label, row.seeds, row.value, row.train) == ("all runs", 2, 0.55, 100)
    assert row.low < 0.5 < 0.6 < row.high
    assert conclude(comparison) == ["One configuration: there is nothing to compare it with."]


def test_a_run_given_twice_or_measured_twice_counts_once(make):
    run = make("a", 50)
    assert compare([run, run]).rows[0].runs == (str(run.folder),)


def test_runs_whose_paths_end_alike_are_two(make):
    comparison = compare([make("a/x/y/z", 50, **small(0)), make("b/x/y/z", 60, **large(0))])
    assert comparison.rows[1].difference.value == pytest.approx(0.1)


def test_configurations_are_compared_with_the_first(make):
    runs = [make("a", 50, **small(0)), make("b", 70, **large(0)), make("c", 50, **small(1))]
    runs.append(make("d", 72, **large(1)))
    comparison = compare(runs)
    first, second = comparison.rows
    assert (first.label, first.value) == ("model.size=1", 0.5)
    assert (second.label, second.value) == ("model.size=2", 0.71)
    difference = second.difference
    assert difference.value == pytest.approx(0.21)
    assert difference.low < 0.21 < difference.high
    assert difference.p < 0.05
    assert conclude(comparison)[0].startswith(
        "model.size=2 is better than model.size=1, by 21.0 points (interval of the difference ["
    )


def test_a_run_of_one_seed_has_the_interval_of_its_report_and_is_marked(make):
    run = make("a", 100, **small(0))
    comparison = compare([run, make("b", 99, **large(0))])
    score = run.report["scores"]["exact_match"]
    assert (comparison.rows[0].low, comparison.rows[0].high) == (score["low"], score["high"])
    assert conclude(comparison) == [
        (
            "No difference is shown between model.size=2 and model.size=1: 1.0 points (interval of"
            " the difference [-3.0, 0.0], p = 0.5); 100 examples would show one of 5.0 points"
            " 8 times in 10."
        ),
        (
            "(!) Of one seed only, 2 of 2: what is said is about the students that were trained,"
            " and other seeds may turn it round. Train more, seed=0,1,2."
        ),
    ]


def test_p_of_several_differences_holds_for_all_of_them(make):
    two = [make("a", 50, **small(0)), make("b", 56, **large(0))]
    alone = compare(two).rows[1].difference.p
    third = make("c", 50, settings={"model": {"size": 3}})
    both = compare([*two, third])
    assert both.rows[1].difference.p == pytest.approx(2 * alone)
    assert conclude(both)[1] == (
        "Of 2 configurations 1 are shown to be better than model.size=1, 0 to be worse."
    )


def test_the_examples_that_part_are_shown_the_furthest_apart_first(make):
    runs = [make("a", 50, **small(0)), make("b", 48, **large(0)), make("c", 49, **large(1))]
    first, second = compare(runs).parted
    assert (first.input, first.outputs) == ("input 49", ("y",))
    assert first.predictions == {"model.size=1": "y", "model.size=2": "n49"}
    assert second.input == "input 48"


def test_by_a_setting_the_others_are_folded_too(make):
    runs = [make("a", 50, **small(0, lr=1)), make("b", 70, **large(0, lr=1))]
    runs += [make("c", 52, **small(0, lr=2)), make("d", 72, **large(0, lr=2))]
    labels = [row.label for row in compare(runs).rows]
    assert labels == [
        "lr=1 model.size=1",
        "lr=1 model.size=2",
        "lr=2 model.size=1",
        "lr=2 model.size=2",
    ]
    for by, labels in (("model", ["model.size=1", "model.size=2"]), ("lr", ["lr=1", "lr=2"])):
        assert [row.label for row in compare(runs, by=by).rows] == labels
    assert [len(row.runs) for row in compare(runs, by="lr").rows] == [2, 2]


def test_a_sweeps_jobs_are_called_by_what_was_typed(make, tmp_path):
    for name, right, of in (("a", 5, small(0)), ("b", 7, large(0))):
        make(name, right, **of)
        typed = [f"model=size_{name}", "seed=0", "trainer=cpu", "store=x"]
        (tmp_path / name / "overrides.json").write_text(json.dumps(typed))
    runs = [groups.read(tmp_path / name) for name in "ab"]
    assert [row.label for row in compare(runs).rows] == ["model=size_a", "model=size_b"]
    assert [row.label for row in compare(runs, by="model").rows] == [
        "model=size_a",
        "model=size_b",
    ]


def test_a_swapped_component_is_called_by_its_file(make):
    settings = [{"generator": {"_target_": "p2m.generator.none.NoGenerator"}}]
    settings.append({"generator": {"_target_": "p2m.generator.prompt2model.P", "n": 3}})
    runs = [make(f"{i}", 5, settings=each) for i, each in enumerate(settings)]
    labels = [row.label for row in compare(runs).rows]
    assert labels == ["generator=none", "generator=prompt2model generator.n=3"]


def test_another_metric_stands_beside_and_can_be_compared(make):
    both = ("exact_match", "f1")
    runs = [make("a", 50, **small(0), metrics=both), make("b", 60, **large(0), metrics=both)]
    assert compare(runs).rows[1].others == {"f1": 0.6}
    assert compare(runs, "f1").rows[1].others == {"exact_match": 0.6}


def test_runs_with_other_test_sets_have_scores_and_no_differences(make):
    runs = [make("a", 50, **small(0)), make("b", 60, **large(0), wanted="n70")]
    comparison = compare([*runs, make("c", 50, **small(1))])
    assert [row.difference for row in comparison.rows] == [None, None]
    assert comparison.fault == (
        f"{runs[1].folder} was measured on another test set than {runs[0].folder} (0 of 100"
        " examples are the same), so differences cannot be told from those of the tests; give all"
        " runs the same, prompt.test=FILE"
    )
