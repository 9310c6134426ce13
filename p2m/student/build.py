"""Students as torch models: made from a choice, written to a folder, read back.

Weights are safetensors; code of others is never run.
"""

import contextlib
import copy
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from p2m import disk
from p2m.artifacts import Choice, Student
from p2m.errors import ServiceError, UserError
from p2m.student.base import source
from p2m.student.machine import share_cores
from p2m.student.tokenizer import of_base, of_student
from p2m.student.tokens import Codec, LabelTokenizer, Tokenizer, Tokens

# What this package knows how to train and to decode.  FLAN, CodeT5 and ByT5 are T5s by
# architecture, SmolLM2 is a Llama, MiniLM a BERT.
ARCHITECTURES = {
    "encoder-decoder": ("bart", "mt5", "t5"),
    "decoder-only": ("gemma3_text", "llama", "mistral", "qwen2", "qwen3"),
    "encoder": (
        "bert",
        "deberta-v2",
        "distilbert",
        "modernbert",
        "mpnet",
        "roberta",
        "xlm-roberta",
    ),
}
# these number their positions from behind the id of padding, so the first ones are never used
SHIFTED = ("mpnet", "roberta", "xlm-roberta")
ABOUT = "student.json"  # the last file of a folder to be written


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory (a transformers model, on the CPU, fp32) with its tokenizer.

    labels: those of a student of kind `encoder`.
    """

    model: Any
    tokenizer: Tokenizer
    kind: str = "encoder-decoder"
    labels: tuple[str, ...] = ()

    @property
    def is_causal(self) -> bool:
        """Whether it writes its answer right after the input.

        The input then has no end token and is padded at the left.
        """
        return self.kind == "decoder-only"

    @property
    def output_tokenizer(self) -> Codec:
        """What turns answers into ids and back."""
        if self.kind == "encoder":
            return LabelTokenizer(self.labels)
        return self.tokenizer.continuing() if self.is_causal else self.tokenizer

    def encode_inputs(self, texts: Sequence[str]) -> Tokens:
        tokens = self.tokenizer.encode(texts)
        return tokens.without_end() if self.is_causal else tokens

    def end_ids(self, suffix: str) -> list[int]:
        """The ids that an input ends in, also one that is cut."""
        if not self.is_causal:
            return [self.tokenizer.end]
        ids: list[int] = self.output_tokenizer.encode([suffix]).without_end()[0].tolist()
        return ids


def fresh(
    choice: Choice, seed: int, tokenizer: Tokenizer | None = None, labels: tuple[str, ...] = ()
) -> LoadedModel:
    """The student before training, with *tokenizer* or the base's own.

    Whatever has no published weights is drawn by *seed*.  Raises UserError for an architecture that
    is not on the list and ServiceError where the hub does not give the weights.
    """
    share_cores()
    import torch

    _hide_progress_bars()
    torch.manual_seed(seed)
    config = _config(choice, labels)
    make = _from_config if choice.base == "scratch" else _from_pretrained
    model = make(choice, config)
    tokenizer = tokenizer or of_base(choice.base, choice.revision)
    return LoadedModel(model.float(), tokenizer, choice.kind, labels)


def _from_pretrained(choice: Choice, config: Any) -> Any:
    place = source(choice.base, choice.revision)
    if choice.kind == "encoder":
        _hide_new_head()
    plain = copy.deepcopy(config)
    with _explain_missing(choice):
        model = _auto(choice.kind).from_pretrained(config=config, use_safetensors=True, **place)
    if choice.kind == "encoder":
        from p2m.student import _mean

        _mean.fill_layer(model)
    if "gguf_file" not in place:
        return model
    # transformers saves no model that it took from a GGUF: its numbers go into a plain one
    unbound = _from_config(choice, plain)
    unbound.load_state_dict(model.state_dict())
    return unbound


def outline(choice: Choice, labels: tuple[str, ...] = ()) -> Any:
    """The model without numbers, on torch's meta device: its configuration, its weights' names."""
    import torch

    with torch.device("meta"):
        return _from_config(choice, _config(choice, labels))


def positions(model: Any) -> int | None:
    """The most tokens that it reads at a time; None where it has no such limit."""
    config = model.config
    most: int | None = getattr(config, "max_position_embeddings", None)
    if most and config.model_type in SHIFTED:
        most -= config.pad_token_id + 1
    return most


def load(student: Student) -> LoadedModel:
    """The trained student in its folder."""
    share_cores()
    from transformers import AutoConfig

    _hide_progress_bars()
    config = AutoConfig.from_pretrained(student.folder, trust_remote_code=False)
    _check(student.kind, config.model_type, str(student.folder))
    model = _auto(student.kind).from_pretrained(
        student.folder, config=config, use_safetensors=True, trust_remote_code=False
    )
    tokenizer = of_student(student.folder)
    return LoadedModel(model.float().eval(), tokenizer, student.kind, student.labels)


def save(built: LoadedModel, student: Student) -> None:
    """Writes the student's folder.

    model.safetensors, config.json, the tokenizer's files and, once these are on disk, student.json.
    Plain transformers opens it (AutoModel..., AutoTokenizer) and gives the same answers.
    """
    built.model.generation_config = _greedy_config(built, student.max_output)
    with _as_os_error():
        built.model.save_pretrained(student.folder)
    tokenizer = built.tokenizer.for_transformers(built.is_causal)
    tokenizer.model_max_length = student.max_input
    tokenizer.padding_side = "left" if built.is_causal else "right"
    tokenizer.init_kwargs["padding_side"] = tokenizer.padding_side  # or else it is not saved
    tokenizer.save_pretrained(student.folder)
    for path in student.folder.iterdir():
        if path.is_file():
            disk.sync(path)
    about = asdict(student) | {"tokenizer": built.tokenizer.name}
    del about["folder"]
    disk.write_text(student.folder / ABOUT, json.dumps(about, ensure_ascii=False, indent=1) + "\n")


def _greedy_config(built: LoadedModel, max_output: int) -> Any:
    """How transformers' `generate` answers as p2m does, whatever the base was published with."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=max_output,
        do_sample=False,
        num_beams=1,
        eos_token_id=built.tokenizer.end,
        pad_token_id=built.tokenizer.pad,
        decoder_start_token_id=getattr(built.model.config, "decoder_start_token_id", None),
    )


def find(folder: Path) -> Student | None:
    """The student that `save` wrote, whole, into *folder*, or None."""
    if not (folder / ABOUT).exists():
        return None
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    del about["tokenizer"]
    return Student(folder, **about | {"labels": tuple(about["labels"])})


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """An error of safetensors that is the system's, such as a full disk, becomes an OSError."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if not number:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def _config(choice: Choice, labels: tuple[str, ...]) -> Any:
    """The configuration: of the choice, or of its base."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    if choice.kind == "encoder" and not labels:
        raise UserError(
            f"student: '{choice.base}' chooses among labels, and the task has no closed set of them"
        )
    head: dict[str, Any] = {}
    if choice.kind == "encoder":
        head["id2label"] = dict(enumerate(labels))
        head["label2id"] = {label: i for i, label in enumerate(labels)}
    if choice.base != "scratch":
        with _explain_missing(choice):
            config = AutoConfig.from_pretrained(**source(choice.base, choice.revision), **head)
        _check(choice.kind, config.model_type, choice.base)
        if choice.kind == "encoder":
            from p2m.student import _mean

            _mean.add_layer(config)
        return config
    settings = choice.config | head
    architecture = str(settings.pop("model_type", ""))
    _check(choice.kind, architecture, "scratch")
    try:
        return AutoConfig.for_model(architecture, **settings)
    except (StrictDataclassError, TypeError, ValueError) as error:
        raise _refuse(architecture, settings, error) from error


def _from_config(choice: Choice, config: Any) -> Any:
    try:
        return _auto(choice.kind).from_config(config)
    except (TypeError, ValueError) as error:
        raise _refuse(config.model_type, choice.config, error) from error


def _refuse(architecture: str, settings: dict[str, Any], error: Exception) -> UserError:
    why = " ".join(str(error).split())
    return UserError(f"student: no {architecture} can be made from {settings}: {why}")


@contextlib.contextmanager
def _explain_missing(choice: Choice) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise ServiceError(
            f"student: cannot load '{choice.base}' at revision {choice.revision or 'main'}:"
            f" {str(error).splitlines()[0]}. Its weights must be safetensors, on the hub, in the"
            " local cache or in a folder; model=byt5_nano needs no hub"
        ) from error


def _check(kind: str, architecture: str, base: str) -> None:
    if kind not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UserError(f"student: '{base}' is of kind {kind}; p2m trains {known}")
    if architecture not in ARCHITECTURES[kind]:
        known = ", ".join(ARCHITECTURES[kind])
        raise UserError(
            f"student: '{base}' has the architecture '{architecture}';"
            f" as {kind} these are known: {known}"
        )


def _hide_progress_bars() -> None:
    """transformers shows no bars and lists of its own: p2m has one a stage."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # a new head is no weight that a base lacks


def _hide_new_head() -> None:
    """That a published encoder has no head for the task's labels is no news."""
    from transformers.utils import logging

    logging.set_verbosity_error()


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
