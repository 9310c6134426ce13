"""A chat model of transformers: batches of messages to texts, each row sampled with a random generator of its own.

Shapes: B requests, T tokens, V vocabulary.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, LogitsProcessorList

from p2m.errors import InputError
from p2m.stages import Request


@dataclass(frozen=True)
class Written:
    """finish: stop, or length if the model did not end by itself."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish: str


class _OwnChance(LogitsProcessor):  # type: ignore[misc]
    """Adds Gumbel noise to each row's scaled log-probabilities: their greatest is then a sample (Gumbel 1954), whoever shares the batch."""

    def __init__(self, requests: Sequence[Request], seeds: Sequence[str]) -> None:
        self.requests = requests
        self.chances = [
            torch.Generator().manual_seed(int(hashlib.sha256(seed.encode()).hexdigest()[:15], 16))
            for seed in seeds
        ]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows = [self._row(i, scores[i].float()) for i in range(len(self.requests))]
        return torch.stack(rows)

    def _row(self, i: int, scores_V: torch.Tensor) -> torch.Tensor:
        request = self.requests[i]
        if request.temperature == 0:
            return scores_V
        logs_V = torch.log_softmax(scores_V / request.temperature, -1)
        if request.top_p < 1:
            logs_V = _nucleus(logs_V, request.top_p)
        uniform_V = (
            torch.rand(logs_V.shape, generator=self.chances[i]).clamp_min(1e-20).to(logs_V.device)
        )
        return logs_V - torch.log(-torch.log(uniform_V))


def _nucleus(logs_V: torch.Tensor, top_p: float) -> torch.Tensor:
    """The smallest set of tokens whose probabilities reach top_p; the rest becomes impossible."""
    sorted_V, order_V = torch.sort(logs_V, descending=True)
    before_V = torch.cumsum(sorted_V.exp(), -1) - sorted_V.exp()
    return logs_V.index_fill(0, order_V[before_V >= top_p], -torch.inf)


class Chat:
    """A model and its tokenizer in memory.  Raises InputError for a model that has no chat template."""

    def __init__(self, name: str, revision: str | None, device: str, dtype: str) -> None:
        place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(
                name, revision=revision, padding_side="left"
            )
            kind = (
                "auto"
                if dtype == "auto" and place != "cpu"
                else getattr(torch, "float32" if dtype == "auto" else dtype)
            )
            self.model = (
                AutoModelForCausalLM.from_pretrained(name, revision=revision, dtype=kind)
                .to(place)
                .eval()
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"teacher.model: '{name}' cannot be loaded ({str(error).splitlines()[0]})"
            ) from error
        if not self.tokenizer.chat_template:
            raise InputError(
                f"teacher.model: '{name}' has no chat template; choose a model that was trained to chat, such as one named -Instruct"
            )
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.window = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 30)

    def write(self, requests: Sequence[Request], seeds: Sequence[str]) -> list[Written]:
        """One text for each request.  A row's text hangs on its own request and seed, and not on the others in the batch."""
        texts = [
            self.tokenizer.apply_chat_template(
                [dict(m) for m in r.messages], add_generation_prompt=True, tokenize=False
            )
            for r in requests
        ]
        asked = self.tokenizer(
            texts, return_tensors="pt", padding=True, add_special_tokens=False
        ).to(self.model.device)
        longest, most = asked["input_ids"].shape[1], max(request.max_tokens for request in requests)
        if longest + most > self.window:
            raise InputError(
                f"a request of {longest} tokens and {most} to write does not fit into the model's window of {self.window}"
            )
        with torch.inference_mode():
            ids_BT = self.model.generate(
                **asked, max_new_tokens=most, do_sample=False, temperature=None, top_p=None, top_k=None,
                logits_processor=LogitsProcessorList([_OwnChance(requests, seeds)]), pad_token_id=self.tokenizer.pad_token_id,
            )  # fmt: skip
        lengths = asked["attention_mask"].sum(1).tolist()
        return [
            self._written(ids_BT[i, longest:].tolist(), request.max_tokens, lengths[i])
            for i, request in enumerate(requests)
        ]

    def _written(self, ids: list[int], most: int, prompt_tokens: int) -> Written:
        ends: Any = self.model.generation_config.eos_token_id
        stops = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        n = next((i for i, token in enumerate(ids) if token in stops), None)
        length = min(most, len(ids) if n is None else n)
        text = self.tokenizer.decode(ids[:length], skip_special_tokens=True)
        return Written(
            text, prompt_tokens, length, "stop" if n is not None and n <= most else "length"
        )
