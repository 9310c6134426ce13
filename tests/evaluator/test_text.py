import contextlib
import json

import pytest

from p2m.artifacts import Asked, Choice, Example, Splits, Student, TaskSpec
from p2m.engine import decode
from p2m.engine.ctranslate2 import CTranslate2
from p2m.engine.parity import REFERENCE
from p2m.evaluator.text import Text
from p2m.metric.exact_match import ExactMatch
from p2m.recording import Header, Record, write
from p2m.stages import Answer, Estimate, Work
from p2m.student import build
from p2m.teacher.recorded import Recorded
from tests.calls.doubles import NO_CAPS
from tests.doubles import ScriptedTeacher
from tests.students import TINY_BERT

SIZES = {
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 16,
    "num_layers": 1,
    "num_decoder_layers": 1,
    "num_heads": 2,
    "vocab_size": 384,
}
TINY = {
    "model_type": "t5",
    **SIZES,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
CHOICE = Choice("scratch", None, "encoder-decoder", TINY)
TASK = TaskSpec("Say what it is.", [Example("a cat", "animal", "prompt")], ("animal", "Plant"))
TRAIN = [
    Example("cats purr", "animal", "user:train"),
    Example("oaks grow", "plant", "user:train"),
    Example("dogs bark", "animal", "user:train"),
]


class Counting:
    """A bar that only counts."""

    def __init__(self) -> None:
        self.total, self.done, self.notes = None, 0.0, []

    @contextlib.contextmanager
    def __call__(self, total, unit):
        self.total = total
        yield self

    def advance(self, n=1):
        self.done += n

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """A tiny random student, another than the untrained one."""
    student = Student(tmp_path_factory.mktemp("student"), "scratch", "encoder-decoder", "", 32, 4)
    build.save(build.fresh(CHOICE, seed=99), student)
    return student


def evaluator(**changes) -> Text:
    fields = {
        "metrics": {"exact_match": ExactMatch()},
        "baselines": ("most_frequent", "nearest_neighbour", "untrained"),
        "teacher": False,
        "examples": None,
    }
    return Text(
        **{
            **fields,
            "engine": REFERENCE,
            "parity": 1.0,
            "resamples": 50,
            "confidence": 0.95,
            "seed": 0,
            **changes,
        }
    )


def evaluated(folder, student, splits, **changes):
    bar = Counting()
    report = evaluator(**changes).run(
        TASK, CHOICE, splits, student, Work(folder, "evaluator", "run", "account", bar)
    )
    return report, bar


def records(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_baselines_are_measured_on_the_test_set_given_else_on_the_generated_one(tmp_path, student):
    real = [
        Example("a cat purrs", "animal", "prompt"),
        Example("the oak grows", "plant", "prompt"),
        Example("a dog barks", "n/a", "prompt", ("animal",)),
    ]
    test = [Example("oaks", "tree", "teacher:1")]
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, real=real, test=test))
    assert list(report.baselines) == ["most_frequent", "nearest_neighbour", "untrained"]
    assert report.baselines["most_frequent"]["real"]["exact_match"].value == pytest.approx(2 / 3)
    assert report.baselines["nearest_neighbour"]["real"]["exact_match"].value == 1.0
    assert all(list(sets) == ["real"] for sets in report.baselines.values())
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, test=test))
    assert report.baselines["nearest_neighbour"]["generated"]["exact_match"].value == 0.0


def test_the_students_own_answers_are_scored_and_written_down(tmp_path, student):
    answers = decode.load(student).answers(["one", "two"])
    real = [
        Example("one", "no\u2028such", "prompt", (f" {answers[0]}\n",)),
        Example("two", "never this", "prompt"),
    ]
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, real=real))
    assert report.scores["real"]["exact_match"].value == 0.5
    assert records(tmp_path / "predictions.real.jsonl") == [
        {
            "input": "one",
            "outputs": ["no\u2028such", f" {answers[0]}\n"],
            "prediction": answers[0],
            "correct": True,
        },
        {"input": "two", "outputs": ["never this"], "prediction": answers[1], "correct": False},
    ]


def test_untrained_is_the_student_before_training(tmp_path, student):
    inputs = ["one", "two", "three"]
    before = decode.load_base(CHOICE, student, 5).answers(inputs)
    assert before != decode.load(student).answers(inputs)
    real = [Example(asked, said, "prompt") for asked, said in zip(inputs, before, strict=True)]
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, real=real), seed=5)
    assert report.baselines["untrained"]["real"]["exact_match"].value == 1.0
    assert report.scores["real"]["exact_match"].value < 1.0


REAL = [
    Example("a cat purrs", "animal", "prompt"),
    Example("the oak grows", "Plant", "prompt"),
    Example("a dog barks", "animal", "prompt"),
    Example("a stone", "Plant", "prompt"),
]


def test_the_teacher_is_asked_the_first_set_with_the_prompt_and_stands_as_a_row(tmp_path, student):
    texts = ['{"answer": "animal"}', '```{"answer": " plant"}```', '{"answer": "a dog"}', "No."]
    outcomes = ["ok", "ok", "ok", "invalid"]

    def reply(request, i):
        return Answer(texts[i], outcomes[i], "key", 0.25, True, seconds=1.0 + i)

    teacher = ScriptedTeacher(reply)
    splits = Splits(train=TRAIN, real=REAL, test=TRAIN)
    report, _ = evaluated(tmp_path, student, splits, teacher=teacher)
    assert report.baselines["teacher"]["real"]["exact_match"].value == 0.5
    assert list(report.baselines["teacher"]) == ["real"]
    assert report.asked == Asked(4, 1, 1.0, 2.5)
    given = [record["prediction"] for record in records(tmp_path / "predictions.teacher.jsonl")]
    assert given == ["animal", "Plant", "a dog", ""]
    asked = [request.messages[-1]["content"] for request in teacher.requests]
    for text, row in zip(asked, REAL, strict=True):
        before, _, last = text.rpartition("\n")
        assert json.loads(last) == {"input": row.input}
        assert before == asked[0].rpartition("\n")[0]  # which servers read once
        assert "Say what it is." in before
        assert '{"input": "a cat"}\n{"answer": "animal"}' in before
    assert {request.temperature for request in teacher.requests} == {0.0}


def test_a_teacher_that_keeps_no_such_answers_has_no_row_and_that_is_said(
    tmp_path, student, caplog
):
    path = tmp_path / "a.jsonl"
    write(path, Header("m", "p", "d", "w"), [Record("examples", "", "{}")])
    teacher = Recorded(path, None, True, tmp_path / "calls", NO_CAPS)
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, real=REAL), teacher=teacher)
    assert "teacher" not in report.baselines
    assert report.asked is None
    [message] = caplog.messages
    assert message == (
        "evaluator: the recording holds no answers to test inputs, so there is no row for the"
        " teacher (evaluator.teacher)"
    )
    write(path, Header("m", "p", "d", "w"), [Record("answer", "", '{"answer": "animal"}')] * 4)
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, real=REAL), teacher=teacher)
    assert report.baselines["teacher"]["real"]["exact_match"].value == 0.5


def test_questions_to_the_teacher_are_counted_before(tmp_path):
    assert evaluator().questions(40) == Estimate(0, 0.0)
    asking = evaluator(teacher=object())
    assert asking.questions(40) == Estimate(40)
    assert asking.questions(None) == Estimate()
    assert evaluator(teacher=object(), examples=7).questions(40) == Estimate(7)
    tokens, answer = asking.sizes(TASK)
    assert 50 < tokens < 150
    assert 5 < answer < 20


def test_an_empty_set_is_left_out(tmp_path, student):
    report, _ = evaluated(tmp_path, student, Splits(train=TRAIN, test=TRAIN))
    assert list(report.scores) == ["generated"]
    assert all(list(sets) == ["generated"] for sets in report.baselines.values())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["predictions.generated.jsonl"]


def test_a_converted_student_is_checked_on_what_there_is_where_no_test_set_is(tmp_path, student):
    pytest.importorskip("ctranslate2")
    text = evaluator(engine=CTranslate2("float32"))
    report = text.run(
        TASK,
        CHOICE,
        Splits(train=TRAIN),
        student,
        Work(tmp_path, "evaluator", "run", "account", Counting()),
    )
    assert (report.scores, report.parity[0].n) == ({}, 3)


def test_the_cap_draws_that_many_by_seed_in_their_order(tmp_path, student):
    real = [Example(f"input {i}", "x", "prompt") for i in range(50)]
    asked = {}
    for seed in (0, 0, 1):
        report, _ = evaluated(
            tmp_path, student, Splits(train=TRAIN, real=real), examples=7, seed=seed, baselines=()
        )
        assert report.scores["real"]["exact_match"].n == 7
        numbers = [int(r["input"].split()[1]) for r in records(tmp_path / "predictions.real.jsonl")]
        assert numbers == sorted(set(numbers))
        assert asked.setdefault(seed, numbers) == numbers
    assert asked[0] != asked[1]


def test_baselines_not_asked_for_are_not_measured(tmp_path, student):
    report, bar = evaluated(
        tmp_path, student, Splits(train=TRAIN, real=TRAIN), baselines=("most_frequent",)
    )
    assert list(report.baselines) == ["most_frequent"]
    assert bar.total == bar.done == 3


def test_the_bar_counts_every_answer_that_is_decoded(tmp_path, student):
    _, bar = evaluated(tmp_path, student, Splits(train=TRAIN, real=TRAIN, test=TRAIN[:2]))
    assert bar.total == bar.done == 8
    assert bar.notes == ["most frequent", "nearest neighbour", "untrained"]


def test_without_metrics_the_settings_are_refused():
    with pytest.raises(
        ValueError,
        match=(
            r"^metrics: is empty, so there is nothing to measure with; choose at least one, "
            r"metric=\[exact_match\]$"
        ),
    ):
        evaluator(metrics={})


def test_predictions_of_a_student_that_chooses_hold_how_likely_each_label_is(tmp_path, work):
    chooser = Choice("scratch", None, "encoder", TINY_BERT)
    student = Student(tmp_path, "scratch", "encoder", "", 32, 1, labels=("animal", "plant"))
    build.save(build.fresh(chooser, seed=99, labels=student.labels), student)
    splits = Splits(TRAIN, real=TRAIN, labels=student.labels)
    evaluator(baselines=()).run(TASK, chooser, splits, student, work)
    for line in (work.folder / "predictions.real.jsonl").read_text().splitlines():
        row = json.loads(line)
        likely = row["probabilities"]
        assert sum(likely.values()) == pytest.approx(1, abs=1e-3)
        assert row["prediction"] == max(likely, key=likely.get)
