"""What of a request reaches the page, asked as a server asks it."""

import asyncio
import json

import pytest

from p2m.demo.gate import BUSY, MAX_BODY, MAX_CHARS, ONE_AT_A_TIME, OTHER_HOST, TOO_LONG, Gate

TEXT, EXAMPLE = 1, 0  # the functions: one is given a text, the other one of six examples
RUN = "/gradio_api/run/answer"


class Page:
    """What stands behind the gate: answers with what reached it, once it may."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, scope, receive, send) -> None:
        body = (await receive())["body"] if scope["method"] == "POST" else b"{}"
        self.calls.append(json.loads(body))
        await self.open.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def ask(gate: Gate, body=b"", path=RUN, method="POST", host="127.0.0.1:7860"):
    """Status and answer, of a body in one or several pieces."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    sent = []

    async def receive():
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    headers = [(b"host", host.encode())] if host is not None else []
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    await gate(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def call(*data, function=TEXT, session="one", **more) -> bytes:
    return json.dumps(
        {"data": data, "fn_index": function, "session_hash": session, **more}
    ).encode()


def shown(text: str):
    """Where an answer and its time would stand."""
    return 200, {"error": text, "data": ["", text]}


def gate(*hosts: str) -> tuple[Gate, Page]:
    page = Page()
    return Gate(page, hosts, {EXAMPLE: 6, TEXT: 0}), page


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:7860", "localhost:1", "LOCALHOST", "[::1]:7860", "my.host:80"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_names_of_this_machine_and_those_allowed_are_answered(host, method):
    door, _ = gate("My.Host")
    assert asyncio.run(ask(door, call("x"), method=method, host=host))[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:7860", "127.0.0.1.evil.test", "localhost.evil.test", "", "[", None],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_name_is_answered(host, method):
    door, page = gate()
    answer = asyncio.run(ask(door, call("x"), method=method, host=host))
    assert answer == (403, {"error": OTHER_HOST})
    assert page.calls == []


def test_an_input_of_the_greatest_length_is_answered_however_it_is_written():
    door, page = gate()
    text = "\U0001f600" * MAX_CHARS
    assert asyncio.run(ask(door, call(text)))[0] == 200  # json.dumps writes twelve bytes for one
    assert page.calls[0]["data"] == [text]


@pytest.mark.parametrize(
    "pieces",
    [
        [call("x" * (MAX_CHARS + 1))],
        [call("x" * MAX_BODY)],
        [b"x" * 2**20] * 20,
        [b"x" * 2**20] * 90,
    ],
)
def test_a_longer_input_is_refused(pieces):
    door, page = gate()
    assert asyncio.run(ask(door, pieces)) == shown(TOO_LONG)
    assert page.calls == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (call(None), "The input must be text."),
        (call(5), "The input must be text."),
        (call({"a": 1}), "The input must be text."),
        (call(), "data must be a list of one input."),
        (call("a", "b"), "data must be a list of one input."),
        (call("\ud800"), "The input holds half a surrogate pair, which is no text."),
        (call("a", function=9), "fn_index must be one of 0, 1."),
        (call("a", function=True), "fn_index must be one of 0, 1."),
        (call("a", function=EXAMPLE), "data must name one of 6 examples, the first is 0."),
        (call(6, function=EXAMPLE), "data must name one of 6 examples, the first is 0."),
        (call(-1, function=EXAMPLE), "data must name one of 6 examples, the first is 0."),
        (call("a", session=5), "A call must be a JSON object, its session_hash text."),
        (b"[1]", "A call must be a JSON object, its session_hash text."),
        (b"{", "A call must be JSON."),
        (b"\xff", "A call must be JSON."),
        (b"[" * 100_000, "A call must be JSON."),
    ],
)
def test_a_call_of_another_form_is_refused(body, text):
    door, page = gate()
    assert asyncio.run(ask(door, body)) == (422, {"error": text})
    assert page.calls == []


def test_only_what_is_known_of_a_call_is_passed_on():
    door, page = gate()
    asyncio.run(ask(door, call("a", event_data={"x": 1}, batched=True, trigger_id=3)))
    (passed,) = page.calls
    assert passed == {"data": ["a"], "fn_index": TEXT, "session_hash": "one", "trigger_id": 3}


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/upload", "/login"])
def test_there_is_one_door(path):
    door, page = gate()
    assert asyncio.run(ask(door, call("a"), path=path))[0] == 404
    assert page.calls == []


def test_one_client_cannot_keep_the_others_from_their_turn():
    async def visit():
        door, page = gate()
        page.open.clear()
        flood = [asyncio.create_task(ask(door, call("x", session="flood"))) for _ in range(50)]
        other = asyncio.create_task(ask(door, call("mine", session="other")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(page.calls) == 1, "one at a time"
        page.open.set()
        return await asyncio.gather(*flood), await other

    flood, other = asyncio.run(visit())
    assert flood[1:] == [shown(ONE_AT_A_TIME)] * 49
    assert other[1]["data"] == ["mine"]


def test_no_more_than_some_wait_at_once():
    async def visit():
        door, page = gate()
        page.open.clear()
        crowd = [asyncio.create_task(ask(door, call("x", session=str(i)))) for i in range(30)]
        await asyncio.sleep(0)
        page.open.set()
        return await asyncio.gather(*crowd)

    answers = asyncio.run(visit())
    assert [answer["data"] for _, answer in answers[:16]] == [["x"]] * 16
    assert answers[16:] == [shown(BUSY)] * 14
