"""Low-rank adapters (Hu et al. 2021) on every linear layer, by peft: few weights to train."""

import warnings
from dataclasses import replace

from p2m.student.build import LoadedModel

SCALE = 2  # alpha over rank: what the adapters add counts so many times (Biderman et al. 2024)


def add_adapters(loaded: LoadedModel, rank: int) -> LoadedModel:
    """Its own weights frozen, adapters beside them; a classification head is trained whole."""
    from peft import LoraConfig, TaskType, get_peft_model

    # peft takes DistilBERT's pre_classifier for a head, whose name it ends in, so it stays one
    heads = ["pre_classifier"] if hasattr(loaded.model, "pre_classifier") else None
    config = LoraConfig(
        r=rank,
        lora_alpha=SCALE * rank,
        target_modules="all-linear",
        exclude_modules=heads,
        lora_dropout=0.0,
        bias="none",
        task_type=TaskType.SEQ_CLS if loaded.kind == "encoder" else None,
    )
    with warnings.catch_warnings():
        # peft asks for what transformers has renamed
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        return replace(loaded, model=get_peft_model(loaded.model, config))


def merge(loaded: LoadedModel) -> LoadedModel:
    """The adapters added into the weights: a model like any other of its architecture."""
    return replace(loaded, model=loaded.model.merge_and_unload())
