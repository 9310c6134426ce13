"""What a `_target_` may name."""

import sys

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
        "_target_ 'their_p2m_too.fixed.Fixed' is not allowed; it must start with 'p2m.' or 'their_p2m.'"
    )


def test_a_dataclass_that_a_component_only_imports_is_none_of_its_own():
    with pytest.raises(
        ConfigError, match=r"^_target_ 'p2m.retriever.none.Examples': p2m.retriever.none has no"
    ):
        components.locate("p2m.retriever.none.Examples")
