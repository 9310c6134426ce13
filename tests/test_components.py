"""What a `_target_` may name."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from p2m import components
from p2m.errors import ConfigError

MINE = """from dataclasses import dataclass


@dataclass(frozen=True)
class Fixed:
    n: int
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """An installed package of somebody else: a module and the metadata that pip would have left."""
    (tmp_path / "their_p2m").mkdir()
    (tmp_path / "their_p2m/__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "their_p2m/fixed.py").write_text(MINE, encoding="utf-8")
    info = tmp_path / "their_p2m-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: their-p2m\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[p2m.components]\ntheirs = their_p2m\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("their_p2m")]:
        del sys.modules[name]


def test_a_package_that_declares_itself_may_be_named(outside):
    fixed = components.build({"_target_": "their_p2m.fixed.Fixed", "n": 3})
    assert (type(fixed).__module__, fixed.n) == ("their_p2m.fixed", 3)


def test_what_is_installed_beside_it_may_not_be_named(outside):
    with pytest.raises(ConfigError) as caught:
        components.locate("their_p2m_too.fixed.Fixed")
    assert str(caught.value).startswith(
        "_target_ 'their_p2m_too.fixed.Fixed' is not allowed; it must start with 'p2m.' or "
        "'their_p2m.'"
    )


def test_a_dataclass_that_a_component_only_imports_is_none_of_its_own():
    with pytest.raises(
        ConfigError, match=r"^_target_ 'p2m.retriever.none.Examples': p2m.retriever.none has no"
    ):
        components.locate("p2m.retriever.none.Examples")


@dataclass(frozen=True)
class Rates:
    lr: float


def test_the_settings_inside_a_field_decide_the_result_too():
    first, second = ({"optimizer": Rates(lr), "seed": 0} for lr in (0.1, 0.2))
    assert components.identity(first) != components.identity(second)
    assert components.identity(first) == components.identity({"optimizer": Rates(0.1), "seed": 0})


def test_a_component_from_outside_with_its_options_is_checked_and_planned(outside):
    write = {"conf/__init__.py": "", "conf/retriever/__init__.py": ""}
    write["conf/retriever/fixed.yaml"] = "_target_: their_p2m.fixed.Fixed\nn: 3\n"
    for name, text in write.items():
        path = outside / "their_p2m" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def plan(*overrides: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "p2m", "hydra.searchpath=[pkg://their_p2m.conf]", *overrides],
            cwd=outside,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(outside), *sys.path])},
            capture_output=True,
            text=True,
            check=False,
        )

    planned = plan("retriever=fixed", "mode=plan")
    assert planned.returncode == 0, planned.stderr
    wrong = plan("retriever=fixed", "retriever.n=many", "mode=plan")
    assert wrong.returncode == 64
    assert "retriever.n: must be a valid integer" in wrong.stderr
    assert "retriever: fixed, none" in plan("--help").stdout.replace("bm25, ", "")
