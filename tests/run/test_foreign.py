"""What a config file of somebody else may say to Hydra: numbers, and no word that it would run."""

import pytest

from p2m import config
from p2m.errors import ConfigError, UsageError
from p2m.run import compose


@pytest.fixture
def theirs(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "trainer").mkdir()

    def write(text: str, name: str = "experiment/e") -> list[str]:
        text = text if name != "experiment/e" else f"# @package _global_\n{text}\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return ["--config-dir", str(tmp_path), "mode=plan"]

    return write


def faults(argv: list[str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compose.check(argv)
    title, *lines = str(caught.value).split("\n")
    assert title == config.TITLE
    return [line.strip() for line in lines]


ONLY_TYPED = "; what Hydra runs and where it writes is taken from the command line only"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("run: {dir: /x}", "run.dir: a file says '/x'"),
        ("output_subdir: /x", "output_subdir: a file says '/x'"),
        ("sweeper: {params: {seed: x}}", "sweeper.params.seed: a file says 'x'"),
        (
            "job_logging: {handlers: {console: {class: logging.FileHandler}}}",
            "job_logging.handlers.console.class: a file says 'logging.FileHandler'",
        ),
    ],
)
def test_words_for_hydra_come_from_the_command_line_only(theirs, text, place):
    argv = theirs(f"hydra: {{{text}}}")
    assert faults([*argv, "experiment=e"]) == [f"hydra.{place}{ONLY_TYPED}"]


def test_what_a_launcher_runs_comes_from_the_command_line_only(theirs):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    argv = [*theirs("hydra: {launcher: {setup: [x]}}"), "experiment=e", "hydra/launcher=slurm"]
    assert faults(argv) == [f"hydra.launcher.setup.0: a file says 'x'{ONLY_TYPED}"]
    compose.check([*argv, "hydra.launcher.setup=[y]"])


def test_a_variable_that_a_file_copies_is_not_told(theirs, monkeypatch):
    monkeypatch.setenv("KEY", "sk-secret")
    lines = faults([*theirs("hydra: {job: {env_copy: [KEY]}}"), "experiment=e"])
    assert "sk-secret" not in "".join(lines)


def test_words_that_are_typed_and_numbers_of_a_file_are_taken(theirs):
    argv = theirs("hydra: {sweeper: {max_batch_size: 3}}")
    compose.check([*argv, "experiment=e", "hydra.run.dir=x"])


def test_the_environment_is_not_set_whoever_says_so(theirs):
    (line,) = faults(["+hydra.job.env_set.PATH=x"])
    assert line.startswith("hydra.job.env_set: is not taken, as the environment runs code")
    lines = faults([*theirs("hydra: {job: {env_copy: [KEY]}}"), "experiment=e"])
    assert lines[0].startswith("hydra.job.env_copy: is not taken")


def test_the_words_that_start_a_training_are_p2ms_or_typed(theirs):
    argv = theirs("defaults: [default]\nparallel: {launch: [touch, x]}\n", "trainer/theirs")
    (line,) = faults([*argv, "trainer=theirs"])
    assert line.startswith(
        "trainer.parallel.launch: a file says ['touch', 'x']; a command is taken from"
    )
    compose.check([*argv, "trainer=theirs", "trainer.parallel.launch=[torchrun]"])
    compose.check([*argv, "trainer=slurm"])


def test_the_words_that_start_a_training_do_not_come_from_elsewhere_in_a_file(theirs):
    argv = theirs(
        "teacher: {extra: {launch: [touch, x], strategy: auto, devices: 2, nodes: 1, "
        "threads: auto}}\n"
        "trainer: {parallel: '${teacher.extra}'}\n"
    )
    lines = faults([*argv, "teacher=openai", "teacher.free=true", "experiment=e"])
    assert any(
        line.startswith("trainer.parallel.launch: a file says '${teacher.extra}'; a command is")
        for line in lines
    )


@pytest.mark.parametrize("flags", [[], ["--cfg", "job"], ["--info", "config"]])
def test_a_search_path_of_a_file_imports_nothing(theirs, flags):
    argv = theirs("defaults: [config]\nhydra: {searchpath: ['pkg://antigravity']}\n", "my")
    with pytest.raises(UsageError, match=r"names 'pkg://antigravity', which would import it"):
        compose.check([*argv, "--config-name", "my", *flags])


def test_a_search_path_that_hydra_does_not_know_is_one_line():
    with pytest.raises(UsageError, match=r"must name file:// or pkg:// places, got x://y$"):
        compose.check(["hydra.searchpath=[x://y]"])


def test_a_number_too_long_to_read_is_one_line():
    assert "cannot be read (Exceeds the limit" in faults([f"trainer.lr={'9' * 5000}"])[0]


def test_config_path_is_a_folder():
    with pytest.raises(UsageError, match=r"^--config-path pkg://x: there is no folder "):
        compose.check(["--config-path", "pkg://x"])


def test_a_config_that_cannot_be_read_is_one_line(theirs):
    for text in ("a: [", "seed: 2024-13-45", "seed: !!python/name:os.system"):
        (line,) = faults([*theirs(text), "experiment=e"])
        assert "\n" not in line


def test_the_environment_is_not_read(theirs):
    spelt = ("${oc.env:HOME}", "${oc.${calls}:HOME}")
    for text in spelt:
        argv = theirs(f"seed: '{text}'\ncalls: env")
        (line,) = faults([*argv, "experiment=e"])
        assert line.startswith("seed: ${oc.env:HOME} is not read, as a config could send a secret")
        assert line.endswith('give the value on the command line: key="$HOME"')
