"""Tokenizers that were published with a model, through transformers."""

import copy
from collections.abc import Sequence
from typing import Any

from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from p2m.errors import ServiceError, UserError
from p2m.student.tokens import Tokens, join


class HubTokenizer:
    """A tokenizer of the hub, with its end token after each text."""

    name = "files"

    def __init__(self, inner: Any, base: str) -> None:
        end = inner.eos_token_id
        if end is None:
            end = inner.sep_token_id  # BERT ends its texts with a separator
        if end is None:
            raise UserError(
                f"student: the tokenizer of '{base}' has no end token,"
                " so nothing can be trained with it"
            )
        self.inner, self.end, self.size = inner, end, len(inner)
        self.pad = end if inner.pad_token_id is None else inner.pad_token_id
        self.unknown = end if inner.unk_token_id is None else inner.unk_token_id

    @classmethod
    def load(cls, base: str, revision: str | None) -> "HubTokenizer":
        """From a folder, or from the hub at a revision.  Never runs code that came with it."""
        at = revision or "main"
        fault = f"student: no tokenizer of '{base}' at revision {at}"
        try:
            inner = AutoTokenizer.from_pretrained(base, revision=at, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ServiceError(f"{fault}: {str(error).splitlines()[0]}") from error
        # where files are missing, transformers makes one that knows no word
        if len(inner) < len(inner.all_special_ids) + 2:
            raise ServiceError(f"{fault}: it has no files of one, such as tokenizer.json")
        return cls(inner, base)

    @property
    def is_byt5(self) -> bool:
        return type(self.inner).__name__.startswith("ByT5Tokenizer")

    def encode(self, texts: Sequence[str]) -> Tokens:
        rows = self.inner(list(texts), truncation=False, verbose=False).input_ids if texts else []
        return join([row if row[-1:] == [self.end] else [*row, self.end] for row in rows])

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        texts: list[str] = self.inner.batch_decode(
            list(rows), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return texts

    def for_transformers(self, is_causal: bool) -> Any:
        published = copy.deepcopy(self.inner)
        if published.pad_token_id is None:
            published.pad_token = published.convert_ids_to_tokens(self.pad)
        if not is_causal and published("a").input_ids[-1:] != [self.end]:
            end = published.convert_ids_to_tokens(self.end)
            published.backend_tokenizer.post_processor = TemplateProcessing(
                f"$A {end}", special_tokens=[(end, self.end)]
            )
        return published
