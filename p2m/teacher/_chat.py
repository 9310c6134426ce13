"""A chat model of transformers: a batch of messages to a batch of texts.

Each row is sampled with a random generator of its own, so that it does not hang on its neighbours.
Shapes: B requests, T tokens, V vocabulary.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, LogitsProcessorList

from p2m.calls.endpoint import Reply, encode, reply_with
from p2m.errors import InputError
from p2m.stages import Request


class _GumbelNoise(LogitsProcessor):  # type: ignore[misc]
    """Adds Gumbel noise to each row's scaled log-probabilities.

    The greatest of them is then a sample (Gumbel 1954), whoever shares the batch.
    """

    def __init__(self, requests: Sequence[Request], seeds: Sequence[str]) -> None:
        self.rows = [
            (request, _generator(seed)) for request, seed in zip(requests, seeds, strict=True)
        ]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows = []
        for scores_V, (request, generator) in zip(scores, self.rows, strict=True):
            rows.append(_perturb(scores_V.float(), request, generator))
        return torch.stack(rows)


def _generator(seed: str) -> torch.Generator:
    number = int(hashlib.sha256(seed.encode()).hexdigest()[:15], 16)
    return torch.Generator().manual_seed(number)


def _perturb(scores_V: torch.Tensor, request: Request, generator: torch.Generator) -> torch.Tensor:
    if request.temperature == 0:
        return scores_V
    logs_V = torch.log_softmax(scores_V / request.temperature, -1)
    if request.top_p < 1:
        logs_V = _nucleus(logs_V, request.top_p)
    uniform_V = torch.rand(logs_V.shape, generator=generator).clamp_min(1e-20)
    return logs_V - torch.log(-torch.log(uniform_V.to(logs_V.device)))


def _nucleus(logs_V: torch.Tensor, top_p: float) -> torch.Tensor:
    """The smallest set of tokens whose probabilities reach top_p; the rest becomes impossible."""
    sorted_V, order_V = torch.sort(logs_V, descending=True)
    before_V = torch.cumsum(sorted_V.exp(), -1) - sorted_V.exp()
    return logs_V.index_fill(0, order_V[before_V >= top_p], -torch.inf)


class Chat:
    """A model and its tokenizer in memory.  InputError for a model that has no chat template."""

    def __init__(self, name: str, revision: str | None, device: str, dtype: str) -> None:
        self.name = name
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if dtype == "auto" and device == "cpu":
            dtype = "float32"
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(
                name, revision=revision, padding_side="left"
            )
            model = AutoModelForCausalLM.from_pretrained(name, revision=revision, dtype=dtype)
        except (OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise InputError(f"teacher.model: '{name}' cannot be loaded ({first})") from error
        self.model = model.to(device).eval()
        if not self.tokenizer.chat_template:
            raise InputError(
                f"teacher.model: '{name}' has no chat template;"
                " choose a model that was trained to chat, such as one named -Instruct"
            )
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.window = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 30)

    def write(self, requests: Sequence[Request], seeds: Sequence[str]) -> list[Reply]:
        """One reply to each request.

        A row's text hangs on its own request and seed, and not on the others in the batch.
        """
        prompts = [self._prompt(request) for request in requests]
        inputs = self.tokenizer(
            prompts, return_tensors="pt", padding=True, add_special_tokens=False
        ).to(self.model.device)
        longest = inputs["input_ids"].shape[1]
        most = max(request.max_tokens for request in requests)
        if longest + most > self.window:
            return self._write_apart(requests, seeds, longest)
        with torch.inference_mode():
            ids_BT = self.model.generate(
                **inputs,
                max_new_tokens=most,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                logits_processor=LogitsProcessorList([_GumbelNoise(requests, seeds)]),
                pad_token_id=self.tokenizer.pad_token_id,
            )
        replies = []
        lengths = inputs["attention_mask"].sum(1).tolist()
        rows = ids_BT[:, longest:].tolist()
        for ids, request, length in zip(rows, requests, lengths, strict=True):
            replies.append(self._reply(ids, request.max_tokens, length))
        return replies

    def _write_apart(
        self, requests: Sequence[Request], seeds: Sequence[str], longest: int
    ) -> list[Reply]:
        """One by one, where together they do not fit; one that does not fit alone is refused."""
        if len(requests) > 1:
            replies = []
            for request, seed in zip(requests, seeds, strict=True):
                replies += self.write([request], [seed])
            return replies
        message = (
            f"a request of {longest} tokens and {requests[0].max_tokens} to write"
            f" does not fit into the model's window of {self.window}"
        )
        error = {"code": "context_length_exceeded", "message": message}
        return [Reply(400, {}, encode({"error": error}))]

    def _prompt(self, request: Request) -> Any:
        messages = [dict(message) for message in request.messages]
        return self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )

    def _reply(self, ids: list[int], most: int, prompt_tokens: int) -> Reply:
        eos: Any = self.model.generation_config.eos_token_id
        ends = {self.tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])}
        n = 0
        while n < len(ids) and ids[n] not in ends:
            n += 1
        finish = "stop" if n < len(ids) and n <= most else "length"
        n = min(n, most)
        text = self.tokenizer.decode(ids[:n], skip_special_tokens=True)
        return reply_with(text, self.name, prompt_tokens, n, finish)
