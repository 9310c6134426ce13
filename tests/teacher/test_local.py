import json
from pathlib import Path

import pytest

from p2m.errors import InputError
from p2m.stages import Request
from p2m.teacher.local import Local
from tests.calls.doubles import NO_CAPS, query, work


def local(model: Path, calls: Path, batch_size: int = 4, seed: int = 0) -> Local:
    return Local(str(model), None, "cpu", "float32", batch_size, seed, calls, NO_CAPS)


def ask(i: int, temperature: float = 1.0, max_tokens: int = 12) -> Request:
    return Request(
        ({"role": "user", "content": "tell me " * (1 + i % 3) + str(i)},),
        temperature,
        max_tokens,
        None,
        0.9,
    )


def texts(teacher: Local, folder: Path, requests: list[Request]) -> list[str]:
    with teacher.session(work(folder)) as session:
        return [f.result().text for f in [session.submit(request) for request in requests]]


def test_local_model_answers_in_batches_whatever_the_batch(tiny_chat: Path, tmp_path: Path) -> None:
    requests = [ask(i, temperature=0.0 if i % 2 else 1.0) for i in range(6)]
    alone = texts(local(tiny_chat, tmp_path / "a", batch_size=1), tmp_path, requests)
    together = texts(local(tiny_chat, tmp_path / "b", batch_size=6), tmp_path, requests)
    assert alone == together
    assert len({alone[i] for i in (0, 2, 4)}) == 3  # those that were sampled


def test_another_seed_writes_another_text_and_temperature_zero_the_same(
    tiny_chat: Path, tmp_path: Path
) -> None:
    requests = [ask(1), ask(2, temperature=0.0)]
    first = texts(local(tiny_chat, tmp_path / "a", seed=1), tmp_path, requests)
    second = texts(local(tiny_chat, tmp_path / "b", seed=2), tmp_path, requests)
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_usage_and_length_are_told(tiny_chat: Path, tmp_path: Path) -> None:
    with local(tiny_chat, tmp_path).session(work(tmp_path)) as session:
        assert session.submit(ask(1, max_tokens=3)).result().outcome == "length"

    body, asked, wrote = query(tmp_path, "SELECT body, input_tokens, output_tokens FROM attempts")[
        0
    ]
    assert (asked, wrote) == (len("<|user|>" + "tell me " * 2 + "1<|assistant|>"), 3)
    assert json.loads(body)["choices"][0]["finish_reason"] == "length"


def test_request_that_does_not_fit_is_refused_and_the_others_are_answered(
    tiny_chat: Path, tmp_path: Path
) -> None:
    with local(tiny_chat, tmp_path).session(work(tmp_path)) as session:
        futures = [session.submit(ask(0, max_tokens=600)), session.submit(ask(0, max_tokens=3))]
        refused, answered = (future.result() for future in futures)
    assert (refused.outcome, refused.usd) == ("too_long", 0.0)
    assert (
        "a request of 30 tokens and 600 to write does not fit into the model's window of 512"
        in refused.reason
    )
    assert answered.outcome in {"ok", "length"}


def test_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"teacher\.model: '.*nothing' cannot be loaded"),
        local(tmp_path / "nothing", tmp_path).session(work(tmp_path)),
    ):
        pass


def test_model_without_a_chat_template_is_told(tiny_chat: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for path in tiny_chat.iterdir():
        if path.name != "chat_template.jinja":
            (plain / path.name).write_bytes(path.read_bytes())
    with (
        pytest.raises(
            InputError, match="has no chat template; choose a model that was trained to chat"
        ),
        local(plain, tmp_path).session(work(tmp_path)),
    ):
        pass
