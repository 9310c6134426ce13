"""A wrong command line is refused whole, before anything runs."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.utils import get_args_parser

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
    compose.check(["experiment=dates", "seed=3", "generator.target=10"])


def test_the_launcher_of_slurm_starts_as_many_processes_as_the_trainer_is_set_to():
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        trainer = hydra_compose(
            "config", ["trainer=slurm", "trainer.parallel.nodes=4", "trainer.parallel.devices=2"]
        ).trainer
    assert list(trainer.parallel.launch) == ["srun", "--nodes=4", "--ntasks-per-node=2"]


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
        (
            "generator.target: must be a valid integer, unable to parse string as an integer, "
            "got 'zero'"
        )
    ]


def test_line_that_cannot_be_read_is_quoted():
    assert faults("prompt.text=say: {hi")[0].startswith("prompt.text=say: {hi: cannot be read")


def test_value_added_with_a_plus_must_be_a_field_too():
    assert faults("+trainer.leraning_rate=1")[0].startswith(
        "trainer.leraning_rate: Lightning has no such field"
    )


def test_setting_that_moved_into_a_group_is_told_with_its_place():
    assert faults("trainer.lr=1e-3")[0].startswith(
        "trainer.lr: Lightning has no such field (did you mean 'optimizer.lr'?); it has seed, "
    )
    has = "(did you mean 'lr'?); it has name, lr, schedule, warmup_steps, weight_decay, clip"
    assert faults("+trainer.optimizer.lrr=1", "trainer.parallel.nodes=0") == [
        f"trainer.optimizer.lrr: Optimizer has no such field {has}",
        "trainer.parallel.nodes: must be greater than 0, got 0",
    ]
    (fault,) = faults("trainer.optimizer=adamw")
    assert fault.startswith(
        "trainer.optimizer: is a group of settings, got 'adamw'; set trainer.optimizer.name=..., or"
    )


def test_weights_are_selected_by_any_metric_that_there_is():
    compose.check(["trainer.select=f1", "metric=[exact_match]"])
    assert faults("trainer.select=bleu") == [
        "trainer: select=bleu is no metric: `p2m --help` lists those there are, and loss"
    ]


def test_flag_that_unpickles_is_refused():
    with pytest.raises(UsageError, match="unpickles a file, which can run code"):
        compose.check(["--experimental-rerun", "config.pickle"])


def test_config_flags_are_left_to_hydra():
    for flags in (["--cfg", "job"], ["--info", "defaults"]):
        compose.check([*flags, "nonsense=1"])
        assert compose.help_text(flags) is None


def test_help_lists_every_option_those_of_a_folder_of_the_user_too(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine.yaml").write_text("x: 1\n", encoding="utf-8")
    bundled = {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml"))
        for folder in (ROOT / "conf").iterdir()
        if folder.is_dir() and folder.name != "hydra"
    }
    expected = bundled | {"model": sorted([*bundled["model"], "mine"])}
    lines = [f"{group}: {', '.join(names)}" for group, names in sorted(expected.items())]
    for where in (["--config-dir", str(tmp_path)], [f"hydra.searchpath=[file://{tmp_path}]"]):
        shown = compose.help_text(["model=nonsense", *where, "-h"]).splitlines()
        assert [line for line in shown if line in lines] == lines


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


def test_help_loads_nothing_that_trains():
    code = "import sys; from p2m.run import compose; assert compose.help_text(['-h'])"
    code += "; print({'ray', 'submitit', 'torch'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_faults_of_a_component_inside_another_are_told_once_at_its_own_key():
    assert faults("teacher.concurrency=0", "teacher.connect_s=-1", "teacher=openai") == [
        "teacher.concurrency: must be greater than or equal to 1, got 0",
        "teacher.connect_s: must be greater than 0, got -1",
    ]
    assert faults("engine.compute_type=int8", "evaluator.parity=2") == [
        "engine.compute_type: must be 'float32' or 'bfloat16', got 'int8'",
        "evaluator.parity: must be less than or equal to 1, got 2",
    ]


def test_what_a_field_of_several_kinds_may_be_is_told_in_one_line():
    assert faults("trainer.max_input=4", "trainer.checkpoint_s=-1") == [
        "trainer.max_input: must be greater than or equal to 8 or must be 'auto', got 4",
        "trainer.checkpoint_s: must be greater than or equal to 0 or must be 'auto', got -1",
    ]


OPTIONS: dict[str, list[str]] = {}
for path in sorted((ROOT / "conf").glob("*/*.yaml")):
    OPTIONS.setdefault(path.parent.name, []).append(path.stem)


@pytest.mark.parametrize("experiment", OPTIONS["experiment"])
@pytest.mark.parametrize("group", sorted(OPTIONS.keys() - {"experiment"}))
def test_an_experiment_survives_every_swap_or_the_reason_names_what_was_typed(experiment, group):
    with compose.open_source(get_args_parser().parse_args([])) as source:
        for option in OPTIONS[group]:
            value = f"[{option}]" if group == "metric" else option
            lines = [f"experiment={experiment}", f"{group}={value}", "mode=plan"]
            for fault in compose.judge(source, lines):
                assert re.search(rf"\b{group}\b", fault), f"{group}={option}: {fault}"


@pytest.mark.parametrize("swap", ["retriever=none", "generator=none", "metric=[f1]"])
def test_settings_of_a_component_that_was_swapped_go_with_it(swap, mine):
    write(
        mine / "experiment/much.yaml",
        "# @package _global_\nretriever: {top_k: 3}\ngenerator: {target: 5}\nmetric: {chrf: {}}\n",
    )
    compose.check(["--config-dir", str(mine), "experiment=much", swap, "mode=plan"])


def test_a_setting_that_was_typed_is_judged_though_its_component_was_swapped():
    for typed in ("retriever.hub=never", "+retriever.hub=never"):
        (line,) = faults("experiment=tickets", "retriever=none", typed)
        assert line == "retriever.hub: NoRetriever has no such field; it has none"


@pytest.fixture
def mine(tmp_path):
    """A folder of the user's own options."""
    write(tmp_path / "prompt/hello.yaml", "defaults: [text]\n\ntext: Say hello.\n")
    write(
        tmp_path / "experiment/mine.yaml",
        "# @package _global_\ndefaults:\n  - override /prompt: hello\n  - override /model: "
        "t5_nano\n"
        "  - override /retriever: bm25\n\nretriever:\n  top_k: 3\n  topp: 4\n",
    )
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_typo_of_an_experiment_is_judged_while_its_component_is_there(mine):
    line, *_ = faults("--config-dir", str(mine), "experiment=mine")
    assert line.startswith("retriever.topp: BM25 has no such field (did you mean 'top_k'?)")
    compose.check(["--config-dir", str(mine), "experiment=mine", "retriever=none"])


def test_an_unknown_setting_in_the_file_of_the_option_that_was_typed_is_judged(mine):
    write(mine / "retriever/silent.yaml", "defaults: [none]\n\ntop_k: 3\n")
    argv = ["--config-dir", str(mine), "experiment=mine", "retriever=silent"]
    assert faults(*argv)[0].startswith("retriever.top_k: NoRetriever has no such field")


@pytest.mark.parametrize("flag", ["--config-dir={}", "hydra.searchpath=[file://{}]"])
def test_options_of_the_users_own_are_found_and_offered(mine, flag):
    where = flag.format(mine)
    compose.check([where, "prompt=hello", "mode=plan"])
    (line,) = faults(where, "prompt=helo")
    assert line.startswith("prompt=helo: there is no such prompt (did you mean 'hello'?)")


def test_both_ways_to_add_a_folder_go_together(mine, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other / "prompt/bye.yaml", "defaults: [text]\n\ntext: Say bye.\n")
    where = ["--config-dir", str(mine), f"hydra.searchpath=[file://{other}]"]
    compose.check([*where, "prompt=hello"])
    compose.check([*where, "prompt=bye"])


def test_a_primary_config_of_the_users_own_is_checked_too(mine):
    write(mine / "my.yaml", "defaults: [config, _self_]\n\nseed: 3\n")
    argv = ["--config-dir", str(mine), "--config-name", "my"]
    compose.check(argv)
    assert faults(*argv, "retriever.topk=3")[0].startswith("retriever.topk: BM25 has no")
    (line,) = faults("--config-name", "absent")
    assert line.startswith("Cannot find primary config 'absent'.")


def test_a_folder_that_is_not_there_and_a_path_that_is_no_list_are_refused():
    with pytest.raises(UsageError, match=r"^--config-dir absent: there is no such folder$"):
        compose.check(["--config-dir", "absent"])
    with pytest.raises(UsageError, match=r"^hydra.searchpath=x: must be a list, such as "):
        compose.check(["hydra.searchpath=x"])


def test_a_glob_sweeps_over_the_options_that_fit():
    compose.check(["-m", "metric=glob(*)", "mode=plan"])
    compose.check(["-m", "model=glob(byt5_n*)", "mode=plan"])
    (line,) = faults("-m", "model=glob(cyt5*)")
    assert line.startswith("model=glob(cyt5*): matches nothing; there is auto, bart_base, ")
    assert faults("-m", "seed=glob(*)") == ["seed=glob(*): matches nothing; there is no such group"]
    # each option that it sweeps over is judged
    (line,) = faults("-m", "engine=ctranslate2", "model=glob(*lm)")
    assert line.endswith("and the model is encoder; set engine=torch")


def test_an_interval_is_refused_in_one_line():
    assert faults("-m", "generator.target=interval(5,10)") == [
        (
            "generator.target=interval(5,10): an interval has no values to go through; list them "
            "(1,2,3), or use range()"
        )
    ]


def test_hydra_takes_no_code_from_a_config():
    console = "job_logging.handlers.console"
    for line, place in {
        "+hydra.callbacks.mine._target_=os.system": "callbacks.mine._target_: 'os.system'",
        "hydra.launcher._target_=mine.Launcher": "launcher._target_: 'mine.Launcher'",
        "hydra.sweeper._target_=p2m.store.Store": "sweeper._target_: 'p2m.store.Store'",
        f"hydra.{console}.class=os.system": f"{console}.class: 'os.system'",
        f"hydra.{console}.stream='ext://mine.x'": f"{console}.stream: 'ext://mine.x'",
    }.items():
        assert faults(line) == [f"hydra.{place} is not allowed here, as it would run code"]


def test_an_experiment_brings_no_code_of_its_own(mine):
    write(
        mine / "experiment/hostile.yaml",
        "# @package _global_\nhydra:\n  job_logging: {formatters: {x: {(): os.system}}}\n",
    )
    (line,) = faults("--config-dir", str(mine), "experiment=hostile")
    assert line.startswith("hydra.job_logging.formatters.x.(): 'os.system' is not allowed here")


def test_the_launchers_that_are_installed_are_known():
    compose.check(["-m", "seed=0,1", "hydra/launcher=basic"])
    if importlib.util.find_spec("hydra_plugins.hydra_submitit_launcher"):
        compose.check(["-m", "seed=0,1", "hydra/launcher=slurm", "hydra.launcher.timeout_min=3"])
    assert faults("hydra/launcher=sloorm")[0].startswith(
        "hydra/launcher=sloorm: there is no such hydra/launcher"
    )


def test_extra_parameters_of_a_teacher_are_an_open_mapping():
    for words in (["teacher.extra={temperature: null}"], ["teacher.extra.reasoning_effort=low"]):
        compose.check(["prompt=dates", "teacher=vllm", "retriever=none", "mode=plan", *words])
    argv = ["teacher.extra={a: null}", "teacher.extra.b=1,2", "+teacher.extra.c=1", "seed=1"]
    assert compose.open_mappings(argv) == [
        "++teacher.extra={a: null}",
        "++teacher.extra.b=1,2",
        "+teacher.extra.c=1",
        "seed=1",
    ]


def test_a_file_may_not_have_a_key_sent_to_another_server(mine):
    write(
        mine / "experiment/sent.yaml",
        "# @package _global_\ndefaults: [{override /teacher: openai}]\n"
        "teacher: {base_url: https://evil.test/v1, free: true}\n",
    )
    words = ["--config-dir", str(mine), "experiment=sent", "prompt=dates"]
    assert faults(*words)[0].startswith("teacher.base_url: a file, not the command line, would")
    compose.check([*words, "teacher.base_url=https://evil.test/v1"])


ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    page.read_text(encoding="utf-8")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
]
COMMANDS = [
    line.partition("  #")[0]
    for line in re.findall(r"^(?:.*&& )?p2m (.*=.*)$", "\n".join(PAGES), re.M)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_documents_is_right_but_for_what_only_its_reader_has(command):
    faults = []
    try:
        compose.check([word for word in shlex.split(command) if word != "..."])
    except ConfigError as error:
        faults = str(error).split("\n")[1:]
    assert [
        line
        for line in faults
        if not re.search(
            "there is no file|is not set|not installed|hub does not answer|nothing answers at", line
        )
    ] == []


def test_the_readme_has_commands():
    assert len(COMMANDS) > 8
