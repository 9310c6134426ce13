"""Which columns of a row are its input and its output: as named, or as rows of this kind are known.

Known are input and output themselves; pairs of names such as text and label, prompt and completion,
question and answer; Alpaca's instruction, input, output; and chats of one question and one answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from p2m.errors import InputError, near
from p2m.text.read import Record

COLUMNS = ("input", "output", "outputs")
Chosen = Mapping[str, str | list[str]]  # input: one name or several, which are joined; output: one
# Of each row exactly one of either may be there: with a text, a label and a summary, nobody knows.
_INPUT_NAMES = (
    "input text sentence review tweet message comment document article passage email query headline"
    " title prompt question source src utterance problem"
)
INPUTS = tuple(_INPUT_NAMES.split())
_OUTPUT_NAMES = (
    "output outputs label labels class category sentiment intent topic emotion completion response"
    " answer target tgt summary highlights translation solution"
)
OUTPUTS = tuple(_OUTPUT_NAMES.split())
CHATS = ("messages", "conversations", "conversation")
_ASKERS, _ANSWERERS = {"user", "human"}, {"assistant", "gpt", "model", "bot"}


@dataclass(frozen=True)
class Layout:
    """The columns that an example is taken from; of several for its input the texts are joined."""

    inputs: tuple[str, ...]
    output: str

    def __str__(self) -> str:
        return f"input from {' and '.join(self.inputs)}, output from {self.output}"

    def read(self, record: Record, place: str) -> Record:
        """*record* under the names input and output (or outputs).  Raises InputError."""
        if self.output in CHATS:
            return _read_chat(record, self.output, place)
        values = {name: _find(record, name, place) for name in (*self.inputs, self.output)}
        parts = [values[name] for name in self.inputs]
        source: Any = parts[0]
        if len(parts) > 1:
            filled = [part for part in parts if isinstance(part, str) and part.strip()]
            source = "\n\n".join(filled)
        output = values[self.output]
        return {"input": source, "outputs" if isinstance(output, list) else "output": output}


def check_chosen(chosen: Chosen) -> Layout:
    """The layout that the user names.  Raises ValueError that says what is wrong."""
    strange = sorted(chosen.keys() - {"input", "output"})
    if strange or len(chosen) < 2 or not isinstance(chosen["output"], str) or not chosen["input"]:
        raise ValueError(
            "columns: must name a column for input and one for output, such as"
            " {input: text, output: label}; several for input are joined: {input: [title, body],"
            f" output: label}}; got {dict(chosen)}"
        )
    inputs = chosen["input"]
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    return Layout(names, chosen["output"])


def find_layout(rows: Sequence[Record]) -> Layout | None:
    """What the first *rows* of a file are known as; None where they have input and output."""
    first = rows[0] if rows else {}
    names = {name.casefold(): name for name in first}
    if "instruction" in names and names.keys() & {"output", "response"}:
        return _alpaca(rows, names)
    if "input" in first and first.keys() & {"output", "outputs"}:
        return None
    for chat in _among(CHATS, names):
        if _is_chat(first[chat]):
            return Layout((chat,), chat)
    inputs, outputs = _among(INPUTS, names), _among(OUTPUTS, names)
    if len(inputs) == len(outputs) == 1:
        return Layout((inputs[0],), outputs[0])
    return None


def _among(known: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [names[name] for name in known if name in names]


def _alpaca(rows: Sequence[Record], names: Mapping[str, str]) -> Layout | None:
    """An instruction that is the same in all rows says what the prompt says, and is left out."""
    instruction, source = names["instruction"], names.get("input")
    output = names.get("output") or names["response"]
    if source is None:
        return Layout((instruction,), output)
    differ = len({str(row.get(instruction)) for row in rows}) > 1
    empty = any(not str(row.get(source) or "").strip() for row in rows)
    return Layout((instruction, source) if differ or empty else (source,), output)


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) for turn in value)


def _read_chat(record: Record, column: str, place: str) -> Record:
    """Of a chat of one question and one answer these; what a system prompt says is left out."""
    turns = record.get(column)
    asked, answered = [], []
    for turn in turns if _is_chat(turns) else []:  # type: ignore[union-attr]
        role = str(turn.get("role") or turn.get("from")).casefold()
        content = turn.get("content") or turn.get("value")
        if role in _ASKERS:
            asked.append(content)
        elif role in _ANSWERERS:
            answered.append(content)
    if len(asked) != 1 or len(answered) != 1:
        raise InputError(
            f"{place}: '{column}' holds {len(asked)} questions and {len(answered)} answers; an"
            " example is one question and its answer"
        )
    return {"input": asked[0], "output": answered[0]}


def _find(record: Record, name: str, place: str) -> Any:
    """The value of a column, also of a nested one such as translation.en."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            known = ", ".join(f"'{known}'" for known in record) or "none"
            raise InputError(f"{place}: has no column '{name}'{near(name, record)}; it has {known}")
        value = value[part]
    return value
