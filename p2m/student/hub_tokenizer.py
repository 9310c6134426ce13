"""Tokenizers that were published with a model, through transformers."""

import copy
from collections.abc import Sequence
from typing import Any

from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from p2m.errors import ServiceError, UserError
from p2m.student.base import source
from p2m.student.tokens import Tokens, join

MARK = "p2m's place for a text"  # in a rendered chat template


class HubTokenizer:
    """A tokenizer of the hub, with its end token after each text."""

    name = "files"

    def __init__(self, inner: Any, base: str) -> None:
        end = _chat_end(inner) or inner.eos_token_id
        if end is None:
            end = inner.sep_token_id  # BERT ends its texts with a separator
        if end is None:
            raise UserError(
                f"student: the tokenizer of '{base}' has no end token,"
                " so nothing can be trained with it"
            )
        self.inner, self.end, self.size = inner, end, len(inner)
        self.pad = _pad(inner, end)
        self.unknown = end if inner.unk_token_id is None else inner.unk_token_id
        self._starts = True  # as the tokenizer does, where it has a start token

    @classmethod
    def load(cls, base: str, revision: str | None) -> "HubTokenizer":
        """Of a published student, or of a folder.  Never runs code that came with it."""
        fault = f"student: no tokenizer of '{base}' at revision {revision or 'main'}"
        try:
            inner = AutoTokenizer.from_pretrained(**source(base, revision))
        except (OSError, ValueError) as error:
            raise ServiceError(f"{fault}: {str(error).splitlines()[0]}") from error
        # where files are missing, transformers makes one that knows no word
        if len(inner) < len(inner.all_special_ids) + 2:
            raise ServiceError(f"{fault}: it has no files of one, such as tokenizer.json")
        return cls(inner, base)

    def continuing(self) -> "HubTokenizer":
        other = copy.copy(self)
        other._starts = False
        return other

    def chat(self) -> tuple[str, str] | None:
        """What its chat template puts before and after a user's words; None where it has none."""
        before, _, after = _render(self.inner, [("user", MARK)]).partition(MARK)
        start = self.inner.bos_token
        if start and self.inner("").input_ids[:1] == [self.inner.bos_token_id]:
            before = before.removeprefix(start)  # which encoding will put there
        return (before, after) if after else None

    @property
    def is_byt5(self) -> bool:
        return type(self.inner).__name__.startswith("ByT5Tokenizer")

    def encode(self, texts: Sequence[str]) -> Tokens:
        if not texts:
            return join([])
        rows = self.inner(
            list(texts), add_special_tokens=self._starts, truncation=False, verbose=False
        ).input_ids
        return join([row if row[-1:] == [self.end] else [*row, self.end] for row in rows])

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        texts: list[str] = self.inner.batch_decode(
            list(rows), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return texts

    def for_transformers(self, is_causal: bool) -> Any:
        published = copy.deepcopy(self.inner)
        if not is_causal and published("a").input_ids[-1:] != [self.end]:
            end = published.convert_ids_to_tokens(self.end)
            published.backend_tokenizer.post_processor = TemplateProcessing(
                f"$A {end}", special_tokens=[(end, self.end)]
            )
        return published


def _render(inner: Any, turns: Sequence[tuple[str, str]]) -> str:
    """The turns in the chat template, up to where an answer begins; empty where there is none."""
    if not inner.chat_template:
        return ""
    turns_of_chat = [{"role": role, "content": text} for role, text in turns]
    is_asked = turns[-1][0] == "user"
    # a template that knows of thinking leaves it out
    return str(
        inner.apply_chat_template(
            turns_of_chat, tokenize=False, add_generation_prompt=is_asked, enable_thinking=False
        )
    )


def _chat_end(inner: Any) -> int | None:
    """The id that ends an answer in the chat template: not the end of texts in all of them."""
    after = _render(inner, [("user", "?"), ("assistant", MARK)]).rpartition(MARK)[2]
    ids = inner(after, add_special_tokens=False).input_ids if after else []
    is_special = ids and ids[0] in inner.added_tokens_decoder
    return ids[0] if is_special else None


def _pad(inner: Any, end: int) -> int:
    """The id of padding: one that stands in no input, as what has this id is not looked at.

    Chats end their turns with the id that many tokenizers pad with too.
    """
    if inner.pad_token_id not in (None, end):
        return int(inner.pad_token_id)
    used = {end, *inner(_render(inner, [("user", "")])).input_ids}
    unused = [i for i, token in inner.added_tokens_decoder.items() if token.special]
    pad: int = next((i for i in sorted(unused) if i not in used), end)
    inner.pad_token = inner.convert_ids_to_tokens(pad)
    return pad
