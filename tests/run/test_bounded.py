"""Config files whose aliases unfold to more than memory holds, and those that are no YAML."""

import subprocess
import sys

import pytest
from hydra.plugins.config_source import ConfigLoadError

from p2m.errors import ConfigError
from p2m.run import compose
from p2m.run.bounded import refuse_unfolding

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]", "a: &a {b: {c: *a}}"])
def test_aliases_of_aliases_are_refused(tmp_path, text):
    (path := tmp_path / "e.yaml").write_text(text)
    with pytest.raises(ConfigLoadError, match="unfold to more than 100,000 values"):
        refuse_unfolding(path)


@pytest.mark.parametrize("text", ["a: &a 3\nb: *a", "a: [b: *", "a: 2*3 & more", ""])
def test_others_are_left_to_whoever_loads_them(tmp_path, text):
    (path := tmp_path / "e.yaml").write_text(text)
    refuse_unfolding(path)


def test_a_bomb_in_a_folder_of_configs_is_one_line(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/e.yaml").write_text(f"# @package _global_\n{BOMB}")
    with pytest.raises(ConfigError) as refused:
        compose.check(["--config-dir", str(tmp_path), "experiment=e"])
    _, line = str(refused.value).split("\n")
    assert "experiment/e.yaml: its aliases (*name) unfold to more than" in line


def test_a_broken_file_is_one_line_where_only_the_configuration_is_shown(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/e.yaml").write_text("seed: [1,\n")
    command = [sys.executable, "-m", "p2m", "--config-dir", str(tmp_path), "experiment=e"]
    done = subprocess.run(
        [*command, "--cfg", "job"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (64, 1), done.stderr
    assert "experiment/e.yaml" in done.stderr
