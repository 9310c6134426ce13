"""Some of the attacks of experiments/field_faults, and that its canaries can sing at all."""

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "experiments/field_faults/attack.py"
spec = importlib.util.spec_from_file_location("attack", FILE)
attack = importlib.util.module_from_spec(spec)
sys.modules["attack"] = attack
spec.loader.exec_module(attack)
ALL = {each.name: each for each in attack.attacks()}


@pytest.mark.parametrize(
    "name",
    [
        "callback os.system",
        "env_set PATH",
        "trainer.parallel.launch of an option",
        "run.dir at home",
        "oc.env in store",
        "random.py in the working folder",
        "YAML that is none",
    ],
)
def test_an_attack_gets_nothing(name):
    row = attack.attempt(ALL[name], "plan", [sys.executable, "-m", "p2m"])
    assert [row[column] for column in attack.COLUMNS] == [0, 0, 0, 0]


def test_there_are_attacks_of_every_kind():
    assert len(ALL) == len(list(attack.attacks())) >= 80


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("executed", "touch $HOME/../executed"),
        ("read", "echo $CANARY"),
        ("read", "echo $CANARY > found"),
        ("outside", "echo x >> $HOME/.bashrc"),
        ("traceback", "echo Traceback"),
    ],
)
def test_what_an_attack_gets_is_seen(column, code):
    row = attack.attempt(attack.Attack("x", ()), "plan", ["sh", "-c", code])
    assert row[column] == 1
