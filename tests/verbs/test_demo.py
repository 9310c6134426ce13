"""The command line of `p2m demo`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from p2m.errors import UsageError
from p2m.verbs import demo

ROOT = Path(demo.__file__).parents[2]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([], "the following arguments are required: RUN"),
        (
            ["latest", "--port", "99999"],
            "argument --port: must be a number from 1 to 65535, got '99999'",
        ),
        (["latest", "--share"], "unrecognized arguments: --share"),
    ],
)
def test_a_wrong_command_line_is_told_with_the_usage(argv, why):
    with pytest.raises(UsageError) as refused:
        demo.main(argv)
    assert refused.value.code == 2
    assert (
        str(refused.value)
        == f"p2m demo: {why}\nusage: p2m demo RUN|latest [--port N] [--allow-host NAME]"
    )


def test_without_gradio_the_cure_is_named(tmp_path):
    """In a process where the import system knows no Gradio."""
    code = (
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == "
        "'gradio' else f(n, *a)\n"
    )
    code += "from p2m.verbs.demo import main; main(['run'])"
    (tmp_path / "run" / "student").mkdir(parents=True)
    (tmp_path / "run" / "student" / "value.json").touch()
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        timeout=60,
    )
    assert (
        "p2m demo: needs Gradio, which is not installed; pip install 'p2m[demo]'" in process.stderr
    )


def test_neither_gradio_nor_torch_is_imported_for_a_refusal():
    code = (
        "import sys; import p2m.verbs.demo; print({'gradio', 'torch', 'transformers'} & "
        "set(sys.modules))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "set()\n"
    )
