"""No class of the room that spends is more than one can hold in mind."""

import ast
from pathlib import Path

import pytest

from p2m import calls

MOST_ATTRIBUTES, MOST_METHODS = 12, 15
CLASSES = [
    node
    for path in sorted(Path(calls.__path__[0]).glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_a_class_is_small(cls: ast.ClassDef) -> None:
    methods = [n for n in cls.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    fields = {n.target.id for n in cls.body if isinstance(n, ast.AnnAssign)}
    assigned = {
        node.attr
        for node in ast.walk(cls)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    assert len(fields | assigned) <= MOST_ATTRIBUTES
    assert len(methods) <= MOST_METHODS
