"""Students as torch models: made from a choice, kept in a folder, read back.  Weights are safetensors; code of others is never run."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from p2m.artifacts import Choice, Student
from p2m.errors import ServiceError, UserError
from p2m.student.machine import share_cores
from p2m.student.tokens import LabelTokenizer, Tokenizer, Tokens, of_base, of_student

# What this package knows how to train and to decode.  FLAN, CodeT5 and ByT5 are T5s by architecture, SmolLM2 is a Llama, MiniLM a BERT.
ARCHITECTURES = {
    "encoder-decoder": ("bart", "mt5", "t5"),
    "decoder-only": ("llama", "qwen2"),
    "encoder": ("bert", "modernbert"),
}


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory (a transformers model, on the CPU, fp32) with its tokenizer.  labels: those of a student of kind `encoder`."""

    model: Any
    tokenizer: Tokenizer
    kind: str = "encoder-decoder"
    labels: tuple[str, ...] = ()

    @property
    def is_causal(self) -> bool:
        """Whether it writes its answer right after the input, which then has no end token and is padded at the left."""
        return self.kind == "decoder-only"

    @property
    def answers(self) -> Tokenizer:
        """What turns answers into ids and back."""
        return LabelTokenizer(self.labels) if self.kind == "encoder" else self.tokenizer

    def read(self, texts: Sequence[str]) -> Tokens:
        """Inputs as it reads them."""
        tokens = self.tokenizer.encode(texts)
        return tokens.open_ended() if self.is_causal else tokens

    def closing(self, suffix: str) -> list[int]:
        """The ids that an input ends in, also one that is cut."""
        ids: list[int] = (
            self.tokenizer.encode([suffix]).open_ended()[0].tolist()
            if self.is_causal
            else [self.tokenizer.end]
        )
        return ids


def fresh(
    choice: Choice, seed: int, tokenizer: Tokenizer | None = None, labels: tuple[str, ...] = ()
) -> LoadedModel:
    """The student before training, with *tokenizer* or the base's own.  Whatever has no published weights is drawn by *seed*.

    Raises UserError for an architecture that is not on the list and ServiceError where the hub does not give the weights.
    """
    if choice.kind == "encoder" and not labels:
        raise UserError(
            f"student: '{choice.base}' chooses among labels, and the task has no closed set of them"
        )
    share_cores()
    import torch

    _quiet()
    torch.manual_seed(seed)
    head = {"num_labels": len(labels)} if choice.kind == "encoder" else {}
    model = _from_scratch(choice, head) if choice.base == "scratch" else _published(choice, head)
    return LoadedModel(
        model.float(), tokenizer or of_base(choice.base, choice.revision), choice.kind, labels
    )


def outline(choice: Choice, labels: tuple[str, ...] = ()) -> Any:
    """The model without numbers, on torch's meta device: its configuration and the names of its weights."""
    import torch

    head = {"num_labels": len(labels)} if choice.kind == "encoder" else {}
    with torch.device("meta"):
        return (
            _from_scratch(choice, head)
            if choice.base == "scratch"
            else _auto(choice.kind).from_config(_config(choice, head))
        )


def positions(model: Any) -> int | None:
    """The most tokens that it reads at a time; None where it has no such limit."""
    return getattr(model.config, "max_position_embeddings", None)


def saved(student: Student) -> LoadedModel:
    """The trained student in its folder."""
    share_cores()
    from transformers import AutoConfig

    _quiet()
    config = AutoConfig.from_pretrained(student.folder, trust_remote_code=False)
    _check(student.kind, config.model_type, str(student.folder))
    model = _auto(student.kind).from_pretrained(
        student.folder, config=config, use_safetensors=True, trust_remote_code=False
    )
    return LoadedModel(
        model.float().eval(), of_student(student.folder), student.kind, student.labels
    )


def keep(built: LoadedModel, student: Student) -> None:
    """Writes model.safetensors, config.json, the tokenizer's files and, once these are on disk, student.json into the student's folder."""
    with _told_as_the_system_does():
        built.model.save_pretrained(student.folder)
    built.tokenizer.save(student.folder)
    about = {k: v for k, v in asdict(student).items() if k != "folder"} | {
        "tokenizer": built.tokenizer.name
    }
    part = student.folder / "student.json.part"
    part.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for path in student.folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    part.rename(student.folder / "student.json")


def kept(folder: Path) -> Student | None:
    """The student that `keep` wrote, whole, into *folder*, or None."""
    if not (folder / "student.json").exists():
        return None
    about: dict[str, Any] = json.loads((folder / "student.json").read_text(encoding="utf-8"))
    del about["tokenizer"]
    return Student(folder, **about | {"labels": tuple(about["labels"])})


@contextlib.contextmanager
def _told_as_the_system_does() -> Iterator[None]:
    """An error of safetensors that is one of the operating system, such as a full disk, becomes an OSError."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if not number:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def _from_scratch(choice: Choice, head: dict[str, int]) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    settings = choice.config | head
    architecture = str(settings.pop("model_type", ""))
    _check(choice.kind, architecture, "scratch")
    try:
        config = AutoConfig.for_model(architecture, **settings)
        return _auto(choice.kind).from_config(config)
    except (StrictDataclassError, TypeError, ValueError) as error:
        raise UserError(
            f"student: no {architecture} can be made from {settings}: {' '.join(str(error).split())}"
        ) from error


def _published(choice: Choice, head: dict[str, int]) -> Any:
    """Weights of the hub, or of a local folder, given as a path that starts with `/` or `.`."""
    config = _config(choice, head)
    with _told_where_it_is_missing(choice):
        return _auto(choice.kind).from_pretrained(
            choice.base, config=config, use_safetensors=True, **_place(choice)
        )


def _config(choice: Choice, head: dict[str, int]) -> Any:
    from transformers import AutoConfig

    with _told_where_it_is_missing(choice):
        config = AutoConfig.from_pretrained(choice.base, **_place(choice), **head)
    _check(choice.kind, config.model_type, choice.base)
    return config


def _place(choice: Choice) -> dict[str, Any]:
    return {"revision": choice.revision or "main", "trust_remote_code": False}


@contextlib.contextmanager
def _told_where_it_is_missing(choice: Choice) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        what = f"'{choice.base}' at revision {_place(choice)['revision']}"
        raise ServiceError(
            f"student: cannot load {what}: {str(error).splitlines()[0]}. Its weights must be safetensors, on the hub, in the local cache"
            " or in a folder; model=byt5_nano needs no hub"
        ) from error


def _check(kind: str, architecture: str, base: str) -> None:
    if kind not in ARCHITECTURES:
        raise UserError(
            f"student: '{base}' is of kind {kind}; p2m trains {', '.join(sorted(ARCHITECTURES))}"
        )
    if architecture not in ARCHITECTURES[kind]:
        known = ", ".join(ARCHITECTURES[kind])
        raise UserError(
            f"student: '{base}' has the architecture '{architecture}'; as {kind} these are known: {known}"
        )


def _quiet() -> None:
    """transformers shows no bars of its own: p2m has one a stage."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _auto(kind: str) -> Any:
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoModelForSequenceClassification,
    )

    autos = {
        "encoder-decoder": AutoModelForSeq2SeqLM,
        "decoder-only": AutoModelForCausalLM,
        "encoder": AutoModelForSequenceClassification,
    }
    return autos[kind]
