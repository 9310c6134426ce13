import pytest

from p2m.run.keys import find_strays

OURS = {"base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"}
STRAY = OURS | {"base_url": "https://evil.test/v1"}


@pytest.mark.parametrize(
    "node",
    [
        OURS,
        {"base_url": "https://eu.api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"},
        {"base_url": "https://openrouter.ai/api/v1", "api_key_env": "OPENROUTER_API_KEY"},
        {"base_url": "http://127.0.0.1:8000/v1", "api_key_env": "VLLM_KEY"},
        {"base_url": "https://evil.test/v1", "api_key_env": None},
    ],
)
def test_a_key_may_go_to_its_provider_and_to_this_machine(node):
    assert list(find_strays("", {"teacher": node}, [])) == []


@pytest.mark.parametrize(
    "node",
    [
        STRAY,
        OURS | {"base_url": "http://api.openai.com/v1"},
        OURS | {"base_url": "https://api.openai.com.evil.test/v1"},
        OURS | {"base_url": "https://evilapi.openai.com@evil.test/v1"},
        OURS | {"base_url": "${oc.env:X}"},
        OURS | {"api_key_env": "AWS_SECRET_ACCESS_KEY"},
    ],
)
def test_a_file_may_not_send_a_key_elsewhere(node):
    (line,) = find_strays("", {"teacher": node}, ["teacher.model", "base_url"])
    assert line.startswith("teacher.base_url: a file, not the command line, would have the key of")
    assert line.endswith("if that is meant, type teacher.base_url=... yourself")


def test_what_was_typed_is_meant():
    for typed in ("teacher.base_url", "teacher.api_key_env"):
        assert list(find_strays("", {"teacher": STRAY}, [typed])) == []


def test_components_inside_others_are_looked_at():
    node = {"generator": {"teachers": [OURS, STRAY]}}
    (line,) = find_strays("", node, ["teacher.base_url"])
    assert line.startswith("generator.teachers.1.base_url: ")
