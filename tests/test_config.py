"""What the configuration check refuses, in its own words."""

import pytest
import yaml
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from p2m import config
from p2m.errors import ConfigError

BUDGET = {"max_usd": 5, "max_calls": None, "max_minutes": None, "pilot": 0}
ROOT = {
    "seed": 0,
    "mode": "run",
    "store": "outputs/store",
    "calls": "outputs/calls",
    "budget": BUDGET,
}


def faults(**changes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.check(OmegaConf.create({**ROOT, **changes}))
    title, *lines = str(caught.value).split("\n")
    assert title == "The configuration is wrong:"
    return [line.strip() for line in lines]


def test_root_values_are_given_their_types():
    root = config.check(OmegaConf.create({**ROOT, "seed": "3"})).root
    assert (root.seed, root.store.parts, root.budget.max_usd) == (3, ("outputs", "store"), 5.0)


def test_wrong_type_and_wrong_value_are_told_in_one_message():
    assert faults(seed="many", mode="rnu", budget={**BUDGET, "max_usd": -1}) == [
        "seed: must be a valid integer, unable to parse string as an integer, got 'many'",
        "mode: must be 'run', 'plan' or 'plan_json', got 'rnu'",
        "budget.max_usd: must be greater than or equal to 0, got -1",
    ]


def test_truth_value_is_no_number():
    assert faults(seed=True) == ["seed: must be a whole number, got true"]


def test_target_outside_the_package_is_refused():
    node = {"_target_": "os.system", "command": "true"}
    (line,) = faults(retriever=node)
    assert line == (
        "retriever: _target_ 'os.system' is not allowed; it must start with 'p2m.'"
        " (an installed package may declare itself in the entry point group p2m.components)"
    )


def test_target_that_is_no_component_is_refused():
    assert faults(retriever={"_target_": "p2m.store.make"}) == [
        "retriever: _target_ 'p2m.store.make': p2m.store has no component 'make'"
    ]


def test_unknown_module_is_named():
    assert faults(retriever={"_target_": "p2m.retriever.bm52.BM25"}) == [
        "retriever: _target_ 'p2m.retriever.bm52.BM25': No module named 'p2m.retriever.bm52'"
    ]


def test_unresolvable_value_is_named_with_the_key_it_stands_in():
    assert faults(seed="${sede}") == ["seed: Interpolation key 'sede' not found"]


def test_missing_value_says_how_to_give_it():
    assert faults(seed="???") == ["seed: needs a value; give seed=... on the command line"]


def test_missing_value_that_others_point_to_is_told_once_and_where_to_give_it():
    prompt = {"_target_": "p2m.prompt.file.File", "path": "???"}
    teacher = {"prompt": "${prompt}"}
    lines = faults(prompt=prompt, retriever={"teacher": teacher})
    assert [line for line in lines if "needs a value" in line] == [
        "prompt.path: needs a value; give prompt.path=... on the command line"
    ]


def test_budget_is_told_as_a_whole_when_it_lacks_a_key():
    assert faults(budget={"max_usd": 5, "max_calls": None, "max_minutes": None})[0].startswith(
        "budget.pilot: "
    )


def test_checked_config_builds_nothing_that_costs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config.check(OmegaConf.create(ROOT))
    assert list(tmp_path.iterdir()) == []


def option(name: str) -> dict:
    node = yaml.safe_load((config.CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    node.pop("defaults", None)
    return node


def test_a_model_that_the_engine_does_not_know_is_refused():
    model = option("model/bytes_nano") | {"_target_": "p2m.model.named.Named", "kind": "encoder"}
    clash = (
        "engine: CTranslate2 is for encoder-decoder and decoder-only students, and the model is "
        "encoder"
    )
    assert clash in faults(model=model, engine=option("engine/ctranslate2"))
    assert clash not in faults(model=model, engine=option("engine/torch"))


def test_the_option_that_fits_the_model_is_named_where_hydra_can_find_it():
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        told = faults(model=option("model/modernbert"), engine=option("engine/ctranslate2"))
    assert any(fault.endswith("and the model is encoder; set engine=torch") for fault in told)
