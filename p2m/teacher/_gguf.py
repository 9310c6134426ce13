"""The head of a GGUF file: what kind of model it holds, and the memory that serving it takes."""

import struct
from pathlib import Path
from typing import IO, Any

# the format's numbers for its types (ggml/docs/gguf.md), in the letters of struct
SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
TEXT, ARRAY = 8, 9
HALF = 2  # bytes of a number in the cache of keys and values
BUFFERS = 300 << 20  # for one step: 250 MiB at 150,000 pieces of vocabulary and 512 tokens


def read_head(path: Path) -> dict[str, Any]:
    """Settings by name, those of the tokenizer aside.  ValueError for what is no GGUF."""
    head: dict[str, Any] = {}
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError("is no GGUF file")
        try:
            _, _, n = _unpack(file, "IQQ")
            for _ in range(n):
                name = _text(file)
                if name.startswith("tokenizer."):  # long lists, and nothing that we ask for
                    break
                head[name] = _value(file, *_unpack(file, "I"))
        except (struct.error, KeyError, UnicodeDecodeError) as error:
            raise ValueError(f"is a damaged GGUF file ({error})") from error
    return head


def trained_context(head: dict[str, Any]) -> int | None:
    """Tokens that the model was trained to hold."""
    return head.get(f"{head.get('general.architecture')}.context_length")


def estimate_memory(path: Path, head: dict[str, Any], tokens: int) -> int:
    """Bytes: the weights, keys and values of *tokens* in every layer, and a step's buffers."""

    def number(name: str, default: int) -> int:
        value = head.get(f"{head.get('general.architecture')}.{name}", default)
        return max(value) if isinstance(value, list) else int(value)  # a list: by layer

    heads = number("attention.head_count", 1)
    width = number("attention.key_length", number("embedding_length", 0) // heads)
    key_heads = number("attention.head_count_kv", heads)
    cache = 2 * HALF * tokens * number("block_count", 0) * key_heads * width
    return path.stat().st_size + cache + BUFFERS


def _value(file: IO[bytes], kind: int) -> Any:
    if kind == TEXT:
        return _text(file)
    if kind == ARRAY:
        inner, n = _unpack(file, "IQ")
        return [_value(file, inner) for _ in range(n)]
    return _unpack(file, SCALARS[kind])[0]


def _text(file: IO[bytes]) -> str:
    (size,) = _unpack(file, "Q")
    return file.read(size).decode()


def _unpack(file: IO[bytes], form: str) -> tuple[Any, ...]:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))
