"""A small Llama with random weights: it needs no hub, no tokenizer files and no download."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt

from p2m.artifacts import Choice, TaskSpec
from p2m.model.scratch import BYTES
from p2m.stages import Work


@dataclass(frozen=True)
class ScratchDecoder:
    """A Llama of these measures; the fields but the first are those of transformers' LlamaConfig.

    tokenizer: `bytes`, or `pieces` of words, as many as vocab_size has room for, learnt from the
    training examples.
    """

    VERSION: ClassVar = 1
    KIND: ClassVar = "decoder-only"

    tokenizer: Literal["bytes", "pieces"]
    vocab_size: Annotated[int, Ge(BYTES)]
    hidden_size: Annotated[int, Gt(0)]
    intermediate_size: Annotated[int, Gt(0)]
    num_hidden_layers: Annotated[int, Gt(0)]
    num_attention_heads: Annotated[int, Gt(0)]
    max_position_embeddings: Annotated[int, Gt(8)]
    tie_word_embeddings: bool

    def __post_init__(self) -> None:
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ValueError(
                f"hidden_size={self.hidden_size} must be a multiple of twice"
                f" num_attention_heads={self.num_attention_heads}: each head takes an even share"
            )

    def run(self, task: TaskSpec, work: Work) -> Choice:
        tokens = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
        config = {"model_type": "llama", **dataclasses.asdict(self), **tokens}
        del config["tokenizer"]
        pieces = self.vocab_size if self.tokenizer == "pieces" else None
        return Choice("scratch", None, self.KIND, config, pieces=pieces)
