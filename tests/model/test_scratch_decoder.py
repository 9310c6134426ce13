import pytest
import yaml

from p2m.artifacts import TaskSpec
from p2m.components import build
from p2m.config import CONF
from p2m.student import build as students


def shown(name: str) -> dict:
    return yaml.safe_load((CONF / f"model/{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "millions"), [("bytes_nano", 1), ("bytes_micro", 8), ("bytes_mini", 20)]
)
def test_each_size_is_what_its_name_says(name, millions):
    node = shown(name)
    choice = build(node).run(TaskSpec("x"), None)
    made = students.fresh(choice, 0)
    assert choice.kind == made.kind == "decoder-only"
    assert sum(p.numel() for p in made.model.parameters()) / 1e6 == pytest.approx(
        millions, rel=0.15
    )


def test_heads_of_odd_shares_are_refused():
    node = shown("bytes_nano")
    with pytest.raises(
        ValueError, match="hidden_size=100 must be a multiple of twice num_attention_heads=4"
    ):
        build(node | {"hidden_size": 100})
