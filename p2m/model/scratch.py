"""A small T5 with random weights: it needs no hub, no tokenizer files and no download."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt

from p2m.artifacts import Choice, TaskSpec
from p2m.stages import Work

BYTES = 259  # ids that write any text, as in ByT5: 256 bytes after pad 0, end 1 and unknown 2


@dataclass(frozen=True)
class Scratch:
    """A T5 of these measures, without dropout of its own; fields but the first as in T5Config.

    tokenizer: `bytes`, or `pieces` of words, as many as vocab_size has room for, learnt from the
    training examples.
    """

    VERSION: ClassVar = 3
    KIND: ClassVar = "encoder-decoder"

    tokenizer: Literal["bytes", "pieces"]
    vocab_size: Annotated[int, Ge(BYTES)]
    d_model: Annotated[int, Gt(0)]
    d_ff: Annotated[int, Gt(0)]
    d_kv: Annotated[int, Gt(0)]
    num_heads: Annotated[int, Gt(0)]
    num_layers: Annotated[int, Gt(0)]
    num_decoder_layers: Annotated[int, Gt(0)]
    relative_attention_num_buckets: Annotated[int, Ge(4)]
    relative_attention_max_distance: Annotated[int, Gt(1)]
    feed_forward_proj: Literal["relu", "gated-gelu"]
    tie_word_embeddings: bool

    def __post_init__(self) -> None:
        if self.relative_attention_max_distance <= self.relative_attention_num_buckets // 2:
            # T5 gives the near half of a direction's buckets one distance each, and divides by the
            # log of what is left; the decoder looks in one direction, so its near half is larger
            raise ValueError(
                f"relative_attention_max_distance={self.relative_attention_max_distance} must be"
                f" above half of"
                f" relative_attention_num_buckets={self.relative_attention_num_buckets}"
            )

    def run(self, task: TaskSpec, work: Work) -> Choice:
        tokens = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
        config = {"model_type": "t5", **dataclasses.asdict(self), "dropout_rate": 0.0, **tokens}
        del config["tokenizer"]
        pieces = self.vocab_size if self.tokenizer == "pieces" else None
        return Choice("scratch", None, self.KIND, config, pieces=pieces)
