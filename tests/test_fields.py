"""Values are given the types of their fields, and every fault is told at its own place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt

from p2m.fields import convert_fields


@dataclass(frozen=True)
class Optimizer:
    lr: Annotated[float, Gt(0)] | Literal["auto"]
    warmup_steps: int

    def __post_init__(self) -> None:
        if self.lr != "auto" and self.warmup_steps > 100:
            raise ValueError("warmup_steps: at most 100 with an lr of your own")


@dataclass(frozen=True)
class Trainer:
    seed: int
    optimizer: Optimizer
    other: Optimizer | None


def convert(**values: Any) -> tuple[dict[str, Any], list[str]]:
    faults: list[str] = []
    return convert_fields("trainer.", Trainer, values, faults), faults


def test_a_plain_dataclass_in_a_field_is_made_of_its_own_values():
    typed, faults = convert(seed="3", optimizer={"lr": "1e-3", "warmup_steps": 5}, other=None)
    assert faults == []
    assert typed == {"seed": 3, "optimizer": Optimizer(1e-3, 5), "other": None}


def test_all_faults_inside_a_nested_field_are_told_at_once():
    typed, faults = convert(seed=1, optimizer={"lrr": 1, "lr": -1}, other={"lr": 1.0})
    assert faults == [
        (
            "trainer.optimizer.lrr: Optimizer has no such field (did you mean 'lr'?); it has lr, "
            "warmup_steps"
        ),
        "trainer.optimizer.lr: must be greater than 0 or must be 'auto', got -1",
        (
            "trainer.optimizer.warmup_steps: is not set; every field of Optimizer is written in "
            "its yaml"
        ),
        "trainer.other.warmup_steps: is not set; every field of Optimizer is written in its yaml",
    ]
    assert typed == {"seed": 1}


def test_what_a_nested_constructor_says_is_told_at_its_field():
    assert convert(seed=1, optimizer={"lr": 1, "warmup_steps": 101}, other=None)[1] == [
        "trainer.optimizer: warmup_steps: at most 100 with an lr of your own"
    ]


def test_a_setting_that_is_in_a_nested_field_is_named_with_the_way_to_it():
    optimizer = {"lr": "auto", "warmup_steps": 0}
    assert convert(seed=1, optimizer=optimizer, other=None, lr=1e-3)[1] == [
        (
            "trainer.lr: Trainer has no such field (did you mean 'optimizer.lr'?); it has seed, "
            "optimizer, other"
        )
    ]


def test_a_truth_value_stands_for_nothing_else():
    faults: list[str] = []

    @dataclass(frozen=True)
    class Flags:
        count: int | None
        path: Path | None
        anything: Any
        choice: bool | Literal["auto"]

    values = {"count": True, "path": False, "anything": True, "choice": True}
    typed = convert_fields("", Flags, values, faults)
    assert typed == {"anything": True, "choice": True}
    assert faults == [
        "count: must be a whole number, got true",
        "path: must be no truth value, got false",
    ]


@pytest.mark.parametrize("value", [float("inf"), "inf", "nan", "9" * 5000])
def test_a_number_without_end_is_none(value):
    faults: list[str] = []
    convert_fields("", Optimizer, {"lr": value, "warmup_steps": 1}, faults)
    assert len(faults) == 1
    assert faults[0].startswith("lr: must be a finite number or must be 'auto', got ")
