"""What people type, as Hydra reads it."""

import os
import pty
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir

from p2m import config
from p2m.errors import UsageError
from p2m.run.command_line import quote, translate

TEXTS = [
    "Don't, (ever)... \\n",
    'say "x"',
    '"a" b "',
    "it ends in \\",
    'a \\" b',
    "\\${x} ${y} $z",
    "${oc.env:HOME}",
    "x\\\\${a}",
    "a, b",
    "[x](y) {z}",
    "null",
    "5",
    "",
    "日本語、\n\n- x\n",
]


def text_of(*lines: str) -> str:
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        return compose("config", list(lines)).prompt.text


@pytest.mark.parametrize("text", TEXTS)
def test_a_prompt_on_the_command_line_is_taken_as_it_was_typed(text):
    assert text_of(*translate(["prompt=text", f"prompt.text={text}"])) == text


@pytest.mark.parametrize("text", [*TEXTS, "'q'", '"q"'])
def test_quoted_text_comes_out_as_it_is(text):
    assert text_of("prompt=text", f"prompt.text={quote(text)}") == text


def test_text_that_was_quoted_for_hydra_stays_so():
    assert text_of(*translate(["prompt=text", """prompt.text='Sort it, "please"'"""])) == (
        'Sort it, "please"'
    )


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("prompt.path=~/my.md", 'prompt.path="/home/me/my.md"'),
        ("prompt.test=/x/(1).jsonl", 'prompt.test="/x/(1).jsonl"'),
        ("prompt.test=/x/a b.jsonl", "prompt.test=/x/a b.jsonl"),
        ("trainer.optimizer.lr=1e-3", "trainer.optimizer.lr=1e-3"),
        ("metric=[f1,chrf]", "metric=[f1,chrf]"),
        ("metric=[f1", "metric=[f1"),  # Hydra's own syntax: what is wrong with it is told
        ("seed=" + "9" * 5000, 'seed="' + "9" * 5000 + '"'),  # which int() refuses
        ("+x=1", "+x=1"),
        ("~tracker", "~tracker"),
    ],
)
def test_what_hydra_cannot_read_is_quoted_for_people(typed, read, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert translate([typed]) == [read]


def test_a_sweep_over_prompts_has_no_space_behind_its_commas():
    assert translate(["-m", "prompt.text=a,b"]) == ["-m", "prompt.text=a,b"]
    assert translate(["-m", "prompt.text=Sort it, please"]) == [
        "-m",
        'prompt.text="Sort it, please"',
    ]


def test_flags_may_stand_anywhere():
    assert translate(["seed=1,2", "-m", "store=x", "--cfg", "job"]) == [
        *("-m", "--cfg", "job", "seed=1,2", "store=x")
    ]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (
            "--experiment",
            "p2m --experiment: there is no such flag; settings have no dashes: p2m experiment=...",
        ),
        (
            "--seed=1",
            "p2m --seed: there is no such flag; settings have no dashes: p2m seed=1",
        ),
        (
            "--multirn",
            (
                "p2m --multirn: there is no such flag (did you mean --multirun?);"
                " settings have no dashes: p2m multirn=..."
            ),
        ),
    ],
)
def test_a_flag_that_is_not_there_is_told(flag, message):
    with pytest.raises(UsageError) as refused:
        translate([flag, "quickstart"])
    assert str(refused.value) == message


READ = "from p2m.run.command_line import translate; print(translate(['prompt=-', 'seed=1']))"


def read_from(stdin, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", READ],
        stdin=stdin,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_prompt_is_read_from_standard_input():
    done = read_from(None, 'Say "hi", please.\n')
    expected = ["prompt=text", 'prompt.text="Say \\"hi\\", please.\n"', "seed=1"]
    assert done.stdout.strip() == str(expected)


HOW = "p2m prompt=- reads the prompt from it, as in: p2m prompt=- < my.md\n"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_standard_input_is_told(text):
    assert read_from(None, text).stderr.endswith(f"UsageError: standard input is empty; {HOW}")


def test_a_terminal_as_standard_input_is_told():
    master, slave = pty.openpty()
    try:
        done = read_from(slave)
    finally:
        os.close(master)
        os.close(slave)
    assert done.stderr.endswith(f"UsageError: standard input is a terminal; {HOW}")
