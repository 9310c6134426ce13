"""The house rules that a machine can keep."""

import ast
import dataclasses
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from p2m import components, config

ROOT = Path(__file__).resolve().parent.parent
CONF, CODE = ROOT / "conf", ROOT / "p2m"
DATA_GROUPS = {"experiment", "hydra"}  # hold settings for other groups, not a component
# beside components, what those of other groups stand on
MIXED = {"p2m.engine.decode", "p2m.engine.parity", "p2m.metric.tally"}
MULTI = {"metric"}  # several options at once, each under its own name
OPTIONS = sorted(p for p in CONF.rglob("*.yaml") if len(p.relative_to(CONF).parts) > 1)
COMPONENTS = [p for p in OPTIONS if p.relative_to(CONF).parts[0] not in DATA_GROUPS]
HEAVY = {
    "torch",
    "pytorch_lightning",
    "transformers",
    "datasets",
    "wandb",
    "openai",
    "gradio",
    "sacrebleu",
    "numpy",
    "pyarrow",
}
# the rows of the house, from the ground up: a file may import what stands lower, and its own folder
ROWS = [
    {"errors"},
    {"disk", "examples"},
    {"artifacts", "components", "runs", "schema"},
    {"stages", "hub", "text", "fields"},
    # a metric stands on tallies alone: the process that trains chooses weights by it
    {"student", "metric", "network", "recording"},
    {"engine", "calls"},
    {"fit"},  # the process that trains, which the trainer starts with a plan
    set(config.GROUPS) - {"metric", "engine"},
    {"config"},
    {"store"},
    {"pipeline"},
    {"compare"},
    {"run"},
    {"demo"},
    {"verbs"},
    {"__main__"},
]
ROW = {name: depth for depth, row in enumerate(ROWS) for name in row}


def name_of(path: Path) -> str:
    return str(path.relative_to(CONF))


def component(path: Path) -> dict:
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    node.pop("defaults", None)
    return node[path.stem] if path.parent.name in MULTI else node


def composed(group: str, option: str):
    value = f"[{option}]" if group in MULTI else option
    extra = {
        "prompt=file": ["prompt.path=README.md"],
        "prompt=text": ["prompt.text=Say yes"],
        "teacher=llamacpp": ["teacher.path=README.md"],
    }
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [f"{group}={value}", *extra.get(f"{group}={option}", [])])


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_option_names_a_component_in_the_package_of_its_group(path):
    assert component(path)["_target_"].startswith(f"p2m.{path.parent.name}.")


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_option_shows_every_field(path):
    node = component(path)
    fields = {f.name for f in dataclasses.fields(components.locate(node.pop("_target_")))}
    inherited = "defaults" in yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(node) <= fields if inherited else set(node) == fields


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_option_composes_and_passes_the_check(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    checked = config.check(composed(path.parent.name, path.stem))
    assert checked.nodes[path.parent.name]


@pytest.mark.parametrize("path", OPTIONS, ids=name_of)
def test_option_fits_on_a_screen(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


def test_every_component_file_is_named_by_some_option():
    named = {component(p)["_target_"].rpartition(".")[0] for p in COMPONENTS}
    files = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for g in config.GROUPS
        for p in (CODE / g).glob("[!_]*.py")
    }
    assert files - named == MIXED
    assert named <= files


def test_components_have_no_defaults_in_python():
    for path in COMPONENTS:
        for field in dataclasses.fields(components.locate(component(path)["_target_"])):
            assert field.default is dataclasses.MISSING, f"{path}: {field.name}"
            assert field.default_factory is dataclasses.MISSING, f"{path}: {field.name}"


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                [node.module]
                if node.module != "p2m"
                else [f"p2m.{alias.name}" for alias in node.names]
            )


@pytest.mark.parametrize("path", sorted(CODE.rglob("*.py")), ids=lambda p: str(p.relative_to(CODE)))
def test_imports_point_down_only(path):
    me = path.relative_to(CODE).parts[0].removesuffix(".py")
    for target in (t.split(".")[1] for t in imports(path) if t.startswith("p2m.")):
        if target != me and me != "__init__" and target != "__version__":
            assert ROW[target] < ROW[me], f"{path} imports {target}"


def test_no_room_is_larger_than_an_afternoon():
    for room in {path.parent for path in CODE.glob("*/*.py")}:
        lines = [path.read_text(encoding="utf-8").count("\n") for path in room.glob("*.py")]
        assert sum(lines) <= 2000, room


def test_only_calls_speaks_sql():
    for path in CODE.rglob("*.py"):
        if path.parent != CODE / "calls":
            assert ".execute(" not in path.read_text(encoding="utf-8"), path


def modules() -> dict[str, Path]:
    names = {}
    for path in CODE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts).removesuffix(".__init__")] = path
    return names


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Of our own modules, those that the file imports anywhere, also inside functions."""
    targets = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {  # names for annotations alone, which load nothing
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in set(ast.walk(tree)) - for_types:
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            targets |= inner & known or {node.module}
    return targets & known


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    graph = {name: imported_modules(path, set(known)) for name, path in known.items()}
    below, higher = {}, graph
    while below != higher:  # what stands below each, one storey more a round
        below = higher
        higher = {name: {i for t in graph[name] for i in below[t]} | graph[name] for name in graph}
    assert {name for name in graph if name in below[name]} == set()


def test_nothing_heavy_loads_before_the_first_stage_runs():
    code = (
        f"import sys, p2m.__main__, p2m.run.job, p2m.run.sweep; print(sorted({HEAVY!r} & "
        f"set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_no_component_loads_anything_heavy_when_it_is_imported():
    targets = sorted({component(p)["_target_"].rpartition(".")[0] for p in COMPONENTS})
    code = (
        f"import sys, importlib; [importlib.import_module(m) for m in {targets!r}]; "
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_every_experiment_has_its_folder():
    names = {p.stem for p in (CONF / "experiment").glob("*.yaml")}
    assert {n for n in names if not (ROOT / "experiments" / n / "README.md").is_file()} == set()


def test_every_link_of_a_document_leads_somewhere():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/*/README.md")]
    for page in pages:
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        local = [link for link in links if "://" not in link]
        assert [link for link in local if not (page.parent / link).exists()] == [], page


@pytest.fixture
def house(tmp_path):
    """A copy of the checkout that a test may add files to."""
    copy = tmp_path / "house"
    for name in ("conf", "p2m", "experiments"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def run_in(house: Path, *args: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *args], cwd=house, capture_output=True, text=True, check=True
    )


def test_a_new_retriever_takes_exactly_one_yaml_and_one_py(house):
    """Beside the checkout's own files, two new ones are enough: the option is listed, checked and
    run."""
    (house / "conf/retriever/fixed.yaml").write_text(
        "_target_: p2m.retriever.fixed.Fixed\nn: 3   # examples\n", encoding="utf-8"
    )
    (house / "p2m/retriever/fixed.py").write_text(
        """
from dataclasses import dataclass

from p2m.artifacts import Example, Examples, TaskSpec
from p2m.stages import Work


@dataclass(frozen=True)
class Fixed:
    n: int

    def run(self, task: TaskSpec, work: Work) -> Examples:
        return Examples([Example(str(i), 'x', 'folder:fixed') for i in range(self.n)])
""",
        encoding="utf-8",
    )
    assert "fixed" in run_in(house, "-m", "p2m", "--help").stdout
    plan = run_in(house, "-m", "p2m", "retriever=fixed", "retriever.n=2", "mode=plan")
    assert "retriever" in plan.stdout


def test_a_new_generator_takes_exactly_one_yaml_and_one_py(house):
    """It is listed and checked, asks the teacher, and what it writes is kept as its result."""
    (house / "conf/generator/echo.yaml").write_text(
        "_target_: p2m.generator.echo.Echo\nn: 2   # examples\nteacher: ${teacher}\n"
    )
    (house / "p2m/generator/echo.py").write_text(
        """
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from p2m.artifacts import Example, Examples, TaskSpec
from p2m.stages import Estimate, Request, Work


@dataclass(frozen=True)
class Echo:
    n: Annotated[int, Ge(1)]
    teacher: Any

    def estimate(self) -> Estimate:
        return Estimate(calls=self.n)

    def run(self, task: TaskSpec, retrieved: Examples, work: Work) -> Examples:
        rows = []
        with self.teacher.session(work) as session:
            for i in range(self.n):
                asked = ({"role": "user", "content": task.instruction},)
                request = Request(asked, 0.0, 50, {"title": "examples"}, sample=i)
                answer = session.submit(request).result()
                rows.append(Example(f"input {i}", answer.text, f"generated:{answer.key}"))
        return Examples(rows)
"""
    )
    answers = [{"input": f"in {i}", "output": f"out {i}"} for i in range(3)]
    (house / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))
    assert "echo" in run_in(house, "-m", "p2m", "--help").stdout
    task = ["prompt=text", "prompt.text=Say it.", "prompt.recording=answers.jsonl"]
    mine = [*task, "teacher=recorded", "retriever=none", "generator=echo", "model=t5_nano"]
    command = [sys.executable, "-m", "p2m", *mine]
    wrong = [*command, "generator.n=0", "mode=plan"]
    refused = subprocess.run(wrong, cwd=house, capture_output=True, text=True, check=False)
    assert "generator.n: " in refused.stderr
    plan = run_in(house, "-m", "p2m", *mine, "mode=plan_json")
    assert json.loads(plan.stdout)["stages"]["generator"]["calls"] == 2
    few = subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)
    assert few.returncode == 8  # two examples train nobody
    (rows,) = house.glob("outputs/store/generator/*/rows.jsonl")
    outputs = [json.loads(line)["output"] for line in rows.read_text().splitlines()]
    assert [json.loads(output)["examples"] for output in outputs] == [answers, []]


EVALUATION = """
from pathlib import Path
from hydra import compose, initialize_config_dir
from p2m import artifacts, components, config
from p2m.artifacts import Choice, Example, Splits, Student, TaskSpec
from p2m.demo.page import find_engine
from p2m.errors import ConfigError
from p2m.student import build
from tests.doubles import make_work
from tests.students import TINY_T5

mine = ["engine=mine", "engine.word=plum", "evaluator.parity=0"]
with initialize_config_dir(str(config.CONF), version_base="1.3"):
    cfg = compose("config", mine)
    other = compose("config", [*mine, "model=bytes_nano"])
    print(config.options("engine"))
    try:
        config.check(other)
    except ConfigError as error:
        print(str(error).splitlines()[-1].strip())
evaluator = components.build(config.check(cfg).nodes["evaluator"])
choice, run = Choice("scratch", None, "encoder-decoder", TINY_T5), Path("run")
student = Student(run / "student", "scratch", "encoder-decoder", "", 64, 4)
student.folder.mkdir(parents=True)
build.save(build.fresh(choice, 0), student)
train, test = [Example("a", "b", "prompt")], [Example(name, "plum", "prompt") for name in "xyz"]
splits = Splits(train=train, test=test)
work = make_work(run / "report", "evaluator")
report = evaluator.run(TaskSpec(""), choice, splits, student, work)
print(report.scores["generated"]["exact_match"].value, report.parity[0].engine)
from omegaconf import OmegaConf
(run / "config.yaml").write_text(OmegaConf.to_yaml(cfg))
print(find_engine(run))
"""


def test_a_new_engine_takes_exactly_one_yaml_and_one_py(house):
    """It is listed and checked, an evaluation is made with it, and the demo finds it."""
    (house / "conf/engine/mine.yaml").write_text(
        "_target_: p2m.engine.mine.Mine\nword: yes   # each answer\n", encoding="utf-8"
    )
    (house / "p2m/engine/mine.py").write_text(
        """
from dataclasses import dataclass
from typing import ClassVar


class Decoder:
    def __init__(self, word):
        self.word = word

    def answers(self, inputs, on_done=lambda n: None):
        on_done(len(inputs))
        return [self.word for text in inputs]


@dataclass(frozen=True)
class Mine:
    KINDS: ClassVar = ("encoder-decoder",)

    word: str

    def load(self, student, folder):
        return Decoder(self.word)
""",
        encoding="utf-8",
    )
    (house / "tests").mkdir()
    for name in ("doubles.py", "students.py"):
        shutil.copy(ROOT / "tests" / name, house / "tests")
    refusal = (
        "engine: Mine is for encoder-decoder students, and the model is decoder-only;"
        " set engine=ctranslate2 or torch"
    )
    assert run_in(house, "-c", EVALUATION).stdout.splitlines() == [
        "['ctranslate2', 'mine', 'torch']",
        refusal,
        "1.0 mine plum",
        "Mine(word='plum')",
    ]


def test_no_dependency_is_under_the_gpl():
    strong = []
    for package in distributions():
        lines = [package.metadata.get(name) or "" for name in ("License-Expression", "License")]
        lines += package.metadata.get_all("Classifier", [])
        words = " ".join(line for line in lines if len(line) < 200)  # a whole text quotes others
        words = re.sub(r"(?i)LGPL|lesser general public|library general public", "", words)
        if re.search(r"(?i)GPL|general public licen", words):
            strong.append(package.name)
    assert strong == []


def test_a_new_metric_that_selects_weights_takes_exactly_one_yaml_and_one_py(house, tmp_path):
    """The process that trains, which no config reaches, finds it by what the plan says."""
    (house / "conf/metric/first_letter.yaml").write_text(
        "first_letter:\n  _target_: p2m.metric.first_letter.FirstLetter\n  weight: 0.5\n"
    )
    (house / "p2m/metric/first_letter.py").write_text(
        """
from dataclasses import dataclass


@dataclass(frozen=True)
class FirstLetter:
    weight: float

    def score(self, predictions, accepted):
        right = [p[:1] == a[0][:1] for p, a in zip(predictions, accepted, strict=True)]
        return self.weight * sum(right) / len(right)
"""
    )
    for name in ("train", "valid"):
        rows = [json.dumps({"input": f"{name} {i}", "output": "one"}) for i in range(16)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
    sets = [f"prompt.{name}={tmp_path}/{name}.jsonl" for name in ("train", "valid")]
    task = ["prompt=text", "prompt.text=Say one.", "retriever=none", "generator=none", *sets]
    short = ["model=t5_nano", "trainer.max_examples=16", "trainer.valid_every=16"]
    run_in(house, "-m", "p2m", *task, *short, "trainer.select=first_letter")
    (curve,) = house.glob("outputs/store/trainer/*/curve.jsonl")
    assert 0 <= json.loads(curve.read_text().splitlines()[-1])["first_letter"] <= 0.5
