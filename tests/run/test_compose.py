"""A wrong command line is refused whole, before anything runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from p2m import config
from p2m.errors import ConfigError, UsageError
from p2m.run import compose

ROOT = Path(__file__).resolve().parents[2]


def faults(*argv: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compose.check(list(argv))
    title, *lines = str(caught.value).split("\n")
    assert title == "The configuration is wrong:"
    return [line.strip() for line in lines]


def test_right_command_passes():
    compose.check(["experiment=quickstart", "seed=3", "generator.target=10"])


def test_the_launcher_of_slurm_starts_as_many_processes_as_the_trainer_is_set_to():
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        trainer = hydra_compose(
            "config", ["trainer=slurm", "trainer.nodes=4", "trainer.devices=2"]
        ).trainer
    assert list(trainer.launch) == ["srun", "--nodes=4", "--ntasks-per-node=2"]


def test_mistyped_field_is_told_with_the_fields_there_are():
    (line,) = faults("retriever.topk=9")
    assert line.startswith(
        "retriever.topk: BM25 has no such field (did you mean 'top_k'?); it has "
    )
    assert {"k1", "b", "top_k", "folder"} <= set(line.partition("it has ")[2].split(", "))


def test_mistyped_option_is_told_with_the_options_there_are():
    assert faults("retriever=bm52") == [
        "retriever=bm52: there is no such retriever (did you mean 'bm25'?); there is bm25, none"
    ]


def test_mistyped_root_key_is_told():
    assert faults("sede=3")[0].startswith(
        "sede: p2m has no such key (did you mean 'seed'?); it has "
    )


def test_typo_wrong_type_wrong_range_and_missing_file_stand_in_one_message(tmp_path):
    lines = faults(
        "retriever=bm52",
        "generatr.target=5",
        "seed=x",
        "generator.target=-1",
        f"prompt.test={tmp_path}/absent.jsonl",
    )
    assert [line.split(":")[0] for line in lines] == [
        "retriever=bm52",
        "generatr.target",
        "seed",
        "prompt.test",
        "generator.target",
    ]
    assert lines[3].startswith("prompt.test: there is no file, got ")


def test_key_that_is_not_set_is_told_beside_other_faults():
    lines = faults("teacher=openai", "seed=x")
    assert lines[0].startswith("seed: ")
    assert lines[1].startswith("teacher: ")
    assert "OPENAI_API_KEY" in lines[1]
    assert len(lines) == 2


def test_later_values_of_a_sweep_are_checked_before_the_first_job():
    assert faults("-m", "generator.target=500,zero", "seed=0,1") == [
        "generator.target: must be a valid integer, unable to parse string as an integer, got 'zero'"
    ]


def test_line_that_cannot_be_read_is_quoted():
    assert faults("prompt.text=say: {hi")[0].startswith("prompt.text=say: {hi: cannot be read")


def test_value_added_with_a_plus_must_be_a_field_too():
    assert faults("+trainer.leraning_rate=1")[0].startswith(
        "trainer.leraning_rate: Lightning has no such field"
    )


def test_flag_that_unpickles_is_refused():
    with pytest.raises(UsageError, match="unpickles a file, which can run code"):
        compose.check(["--experimental-rerun", "config.pickle"])


def test_config_flags_are_left_to_hydra():
    for flags in (["--cfg", "job"], ["--info", "defaults"]):
        compose.check([*flags, "nonsense=1"])
        assert compose.helped(flags) is None


def test_help_lists_every_option_those_of_a_folder_of_the_user_too(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine.yaml").write_text("x: 1\n")
    told = compose.helped(["model=nonsense", "--config-dir", str(tmp_path), "-h"]).splitlines()
    for group in (
        "prompt",
        "teacher",
        "parser",
        "retriever",
        "generator",
        "processor",
        "trainer",
        "evaluator",
        "tracker",
        "experiment",
    ):
        assert f"{group}: {', '.join(config.options(group))}" in told
    assert f"model: {', '.join(sorted([*config.options('model'), 'mine']))}" in told


def test_a_reader_who_leaves_early_is_no_fault():
    process = subprocess.Popen(
        [sys.executable, "-m", "p2m", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()  # as `| head` does
    assert (process.stderr.read(), process.wait()) == ("", 141)
    process.stderr.close()


def test_help_loads_no_plugin_nor_anything_that_trains():
    code = "import sys; from p2m import compose; assert compose.helped(['-h']); print({'hydra_plugins', 'torch'} & set(sys.modules))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "set()"
    )


def test_faults_of_a_component_inside_another_are_told_once_at_its_own_key():
    assert faults("student.engine=onnx", "student.parity=2") == [
        "student.engine: must be 'torch' or 'ctranslate2', got 'onnx'",
        "student.parity: must be less than or equal to 1, got 2",
    ]
    assert faults("student.compute_type=int8") == [
        "student: compute_type: engine=torch has float32 and bfloat16, got int8"
    ]


def test_what_a_field_of_several_kinds_may_be_is_told_in_one_line():
    assert faults("trainer.max_input=4", "trainer.checkpoint_s=-1") == [
        "trainer.max_input: must be greater than or equal to 8 or must be 'auto', got 4",
        "trainer.checkpoint_s: must be greater than or equal to 0 or must be 'auto', got -1",
    ]


README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("   #")[0] for line in re.findall(r"^(?:.*&& )?p2m (.*=.*)$", README, re.M)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_right_but_for_what_only_its_reader_has(command):
    faults = []
    try:
        compose.check([word for word in shlex.split(command) if word != "..."])
    except ConfigError as error:
        faults = str(error).split("\n")[1:]
    assert [
        line
        for line in faults
        if not re.search("there is no file|is not set|not installed|the hub does not answer", line)
    ] == []


def test_the_readme_has_commands():
    assert len(COMMANDS) > 8
