"""Prompts in files, and the labelled sets beside them."""

import json
import subprocess
import sys
from typing import get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError

from p2m import artifacts, components
from p2m.artifacts import Example, Prompt
from p2m.errors import InputError
from p2m.parser.sections import Sections
from p2m.prompt import file as prompt_file
from p2m.prompt.file import File


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(work, path, **sets):
    fields = dict.fromkeys(("train", "valid", "test", "columns", "data", "recording")) | sets
    return File(prompt_file.find_files(path), **fields).run(work)


def told(work, path, **sets):
    with pytest.raises(InputError) as error:
        read(work, path, **sets)
    return str(error.value).replace(str(path.parent) + "/", "")


def refused(path):
    with pytest.raises(ValidationError) as error:
        TypeAdapter(File.__annotations__["path"]).validate_python(str(path))
    return error.value.errors()[0]["msg"]


def test_a_markdown_prompt_is_its_text(tmp_path, work):
    path = written(tmp_path, "task.md", "# Task\r\n\nSay yes.\n")
    assert read(work, path) == Prompt("# Task\n\nSay yes.\n", [], (), (), ())


@pytest.mark.parametrize(
    ("name", "rows"),
    [("task.jsonl", '{"input": "a", "output": "b"}\n'), ("task.csv", "input,output\na,b\n")],
)
def test_demonstrations_stand_beside_the_prompt_under_its_name(tmp_path, work, name, rows):
    written(tmp_path, name, rows)
    assert read(work, written(tmp_path, "task.txt", "Say b.")).demonstrations == [
        Example("a", "b", "prompt")
    ]


def test_a_yaml_prompt_keeps_scalars_as_they_are_written(tmp_path, work):
    text = (
        "instruction: |\n  Say when.\n\ndemonstrations:\n- {input: yes, output: 2024-03-16}\n- "
        "input: 'two\n\n    lines'\n"
    )
    text += "  outputs: [no, 0x1]\nlabels: [no, ok]\n"
    prompt = read(work, written(tmp_path, "task.yaml", text))
    assert prompt.text == "Say when.\n\n## Labels\n\n- no\n- ok"
    assert prompt.labels == ("no", "ok")
    assert prompt.demonstrations == [
        Example("yes", "2024-03-16", "prompt"),
        Example("two\nlines", "no", "prompt", ("0x1",)),
    ]


def test_columns_may_have_other_names(tmp_path, work):
    path = written(tmp_path, "task.md", "Say b.")
    train = written(tmp_path, "t.csv", "body,kind,label\na,b,c\n")
    columns = {"input": "body", "output": "kind"}
    assert list(read(work, path, train=train, columns=columns).train) == [
        Example("a", "b", "user:train")
    ]
    with pytest.raises(ValueError, match="columns: must name a column for input"):
        read(work, path, train=train, columns={"input": "body"})


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = written(tmp_path, "task.md", "Say b.")
    assert prompt_file.find_files("~/task.md") == [path]
    hints = get_type_hints(File, include_extras=True)
    assert TypeAdapter(hints["train"]).validate_python("~/task.md") == path
    assert TypeAdapter(hints["data"]).validate_python("~/") == tmp_path


def test_labels_in_yaml_are_the_labels_as_they_are_written(tmp_path, work):
    labels = ("billing: charge", "U.S.", "Home - Garden", "Refund (partial)", '"yes"', "US", "us")
    labels += ("the customer has paid twice and wants one of both payments back",)
    text = json.dumps({"instruction": "Sort it.", "labels": labels})
    prompt = read(work, written(tmp_path, "task.yaml", text))
    assert prompt.labels == labels
    assert Sections().run(prompt, work).labels == labels


def test_a_users_sets_are_read_with_every_accepted_answer(tmp_path, work):
    path = written(tmp_path, "task.md", "Say b.")
    train = written(tmp_path, "t.csv", "input,output,more\na,1.50,x\n")
    test = written(
        tmp_path,
        "e.jsonl",
        (
            '{"input": "c", "outputs": ["d", "e", "d"]}\n{"input": "f", "output": "g", '
            '"outputs": ["h"]}\n'
        ),
    )
    prompt = read(work, path, train=train, valid=train, test=test)
    assert list(prompt.train) == [Example("a", "1.50", "user:train")]
    assert list(prompt.valid) == [Example("a", "1.50", "user:valid")]
    assert list(prompt.test) == [
        Example("c", "d", "user:test", ("e",)),
        Example("f", "g", "user:test", ("h",)),
    ]


def test_the_stage_leaves_no_file_of_its_own_and_its_result_can_be_saved_where_it_worked(
    tmp_path, work
):
    prompt = read(
        work,
        written(tmp_path, "task.md", "Say b."),
        train=written(tmp_path, "t.csv", "input,output\na,b\n"),
    )
    assert list(work.folder.iterdir()) == []
    artifacts.save(prompt, work.folder)
    assert artifacts.load(Prompt, work.folder) == prompt


def test_a_change_beside_the_prompt_changes_the_key_of_the_stage(tmp_path):
    path = written(tmp_path, "task.md", "Say b.")

    def key():
        node = {"_target_": "p2m.prompt.file.File", "path": prompt_file.find_files(path)}
        return components.identity(node)

    keys = [key()]
    for rows in ("input,output\na,b\n", "input,output\na,c\n"):
        written(tmp_path, "task.csv", rows)
        keys.append(key())
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "p.md",
            " \n\n",
            "p.md: is empty; say in it what the input is and what the output shall be",
        ),
        ("p.yaml", "instruction: 'a\n", "p.yaml:2: broken YAML: found unexpected end of stream"),
        (
            "p.yaml",
            "",
            "p.yaml: is empty; say in it what the input is and what the output shall be",
        ),
        ("p.yaml", "instruction: " + "[" * 5000, "p.yaml: broken YAML: nested too deep"),
        ("p.yaml", "- a\n", "p.yaml:1: must be a mapping such as 'instruction: ...', got a list"),
        (
            "p.yaml",
            "# nothing\n",
            "p.yaml:1: must be a mapping such as 'instruction: ...', got nothing",
        ),
        (
            "p.yaml",
            "instruction: a\nlabel: [b]\n",
            (
                "p.yaml:2: no such key 'label' (did you mean 'labels'?); a prompt has instruction, "
                "demonstrations, labels"
            ),
        ),
        ("p.yaml", "instruction: a\nlabels:\n- b\n- ' '\n", "p.yaml:4: a label is empty"),
        (
            "p.yaml",
            "instruction: a\nlabels:\n- b\n- c\n- 'b '\n",
            "p.yaml:5: the label 'b' stands twice",
        ),
        (
            "p.yaml",
            "instruction: a\ninstruction: a\n",
            "p.yaml:2: the key 'instruction' stands twice",
        ),
        ("p.yaml", "labels: [b]\n", "p.yaml: has no key 'instruction'; it has labels"),
        ("p.yaml", "instruction: [b]\n", "p.yaml:1: must be text, got a list"),
        (
            "p.yaml",
            "instruction: a\ndemonstrations: b\n",
            "p.yaml:2: must be a list, one '- ...' each, got 'b'",
        ),
        (
            "p.yaml",
            "instruction: a\ndemonstrations:\n- input: b\n",
            (
                "p.yaml:3: has no column 'output'; it has 'input'; prompt.columns={input: ..., "
                "output: ...} names others"
            ),
        ),
        (
            "p.yaml",
            "instruction: a\ndemonstrations:\n- {input: b, output: c}\n- {input: b, output: d}\n",
            (
                "p.yaml:4 contradicts p.yaml:3: the input 'b' has the outputs 'c' and 'd'; "
                "keep the "
                "right one"
            ),
        ),
    ],
)
def test_a_prompt_that_cannot_be_used_is_told_with_its_place(tmp_path, work, name, text, message):
    assert told(work, written(tmp_path, name, text)) == message


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            '{"input": "a"}\n',
            (
                "t.jsonl:1: has no column 'output'; it has 'input'; prompt.columns={input: ..., "
                "output: ...} names others"
            ),
        ),
        (
            '{"Inputs": "a", "output": "b"}\n',
            "t.jsonl:1: has no column 'input'; it has 'Inputs', 'output' (is it 'Inputs'?)",
        ),
        (
            '{"input": "a", "outpt": "b"}\n',
            "t.jsonl:1: has no column 'output'; it has 'input', 'outpt' (is it 'outpt'?)",
        ),
        (
            '{"input": "a", "output": "b"}\n{"input": "a", "output": ["b"]}\n',
            (
                "t.jsonl:2: 'output' must be text, got ['b']; several accepted answers go into "
                "'outputs'"
            ),
        ),
        (
            '{"input": "a", "output": " "}\n',
            (
                "t.jsonl:1: 'output' is empty; give it a text (such as N/A, where there is no "
                "answer) or leave the line out"
            ),
        ),
        (
            '{"input": null, "output": "b"}\n',
            (
                "t.jsonl:1: 'input' is empty; give it a text (such as N/A, where there is no "
                "answer) or leave the line out"
            ),
        ),
        ('{"input": {"a": 1}, "output": "b"}\n', "t.jsonl:1: 'input' must be text, got {'a': '1'}"),
        (
            '{"input": "a", "outputs": "b"}\n',
            (
                "t.jsonl:1: 'outputs' must list the accepted answers, one at least, got 'b'; a "
                "single one goes into 'output'"
            ),
        ),
        (
            '{"input": "a", "outputs": []}\n',
            (
                "t.jsonl:1: 'outputs' must list the accepted answers, one at least, got '[]'; a "
                "single one goes into 'output'"
            ),
        ),
        ("\n", 't.jsonl: holds no example; it needs lines such as {"input": ..., "output": ...}'),
    ],
)
def test_a_set_that_cannot_be_used_is_told_with_file_and_line(tmp_path, work, rows, message):
    path = written(tmp_path, "p.md", "Say b.")
    assert told(work, path, test=written(tmp_path, "t.jsonl", rows)) == message


def test_demonstrations_beside_the_prompt_that_contradict_each_other_are_told_with_file_and_line(
    tmp_path, work
):
    written(tmp_path, "p.csv", "input,output\na,b\nc,d\na,c\n")
    message = told(work, written(tmp_path, "p.md", "Say b."))
    assert message == (
        f"p.csv:4 contradicts {tmp_path}/p.csv:2: the input 'a' has the outputs 'b' and 'c'; "
        f"keep the right one"
    ).replace(f"{tmp_path}/", "")


def test_a_training_set_that_stands_where_demonstrations_do_is_told(tmp_path, work):
    written(tmp_path, "p.csv", "input,output\n" + "".join(f"{i},b\n" for i in range(1000)))
    assert told(work, written(tmp_path, "p.md", "Say b.")) == (
        "p.csv:202: a prompt has at most 200 demonstrations, as all go into each request to "
        "the teacher; give a labelled set as"
        " prompt.train=... and keep it under another name than the prompt's"
    )


def test_a_path_that_cannot_be_a_prompt_is_refused_before_the_run(tmp_path):
    assert refused(tmp_path / "none.md") == "there is no file"
    assert refused(written(tmp_path, "p.docx", "x")) == "a prompt ends in .md, .txt, .yaml, .yml"
    for name in ("p.jsonl", "p.csv", "p.md"):
        written(tmp_path, name, "x")
    assert refused(tmp_path / "p.md") == "demonstrations stand in p.jsonl and in p.csv; keep one"


def test_a_set_with_the_prompts_own_name_is_refused_as_it_would_be_its_demonstrations_too(tmp_path):
    path, test = written(tmp_path, "p.md", "Say b."), written(tmp_path, "p.jsonl", "")
    with pytest.raises(
        ValueError,
        match="has the prompt's own name, so it would also be its demonstrations; rename it",
    ) as error:
        read(None, path, test=test)
    assert str(error.value).startswith(f"test={test} ")


def test_a_large_set_does_not_grow_memory(tmp_path):
    """50,000 rows, 7 MB: reading them takes less than half of what they hold."""
    path = tmp_path / "t.jsonl"
    with path.open("w") as file:
        for i in range(50_000):
            file.write(f'{{"input": "{i} {"x" * 100}", "output": "y"}}\n')
    code = (
        "import resource, sys; from pathlib import Path; from p2m.prompt._sets import "
        "examples_of, spool\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"rows = spool(Path({str(tmp_path)!r}) / 'spool', (e for _, e in "
        f"examples_of(Path({str(path)!r}), 'user:train')))\n"
        "print(len(rows), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)"
    )
    n, grown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(n) == 50_000
    assert int(grown) < 3.5e6
