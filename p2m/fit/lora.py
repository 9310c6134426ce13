"""Low-rank adapters (Hu et al. 2021) on every linear layer, by peft: few weights to train, none left once they are merged."""

import warnings
from dataclasses import replace

from p2m.student.build import LoadedModel


def adapted(built: LoadedModel, rank: int, alpha: int) -> LoadedModel:
    """*built* with its own weights frozen and adapters to train beside them; a classification head is trained whole."""
    from peft import LoraConfig, TaskType, get_peft_model

    # peft trains a classification head whole when told that it is one
    task = TaskType.SEQ_CLS if built.kind == "encoder" else None
    how = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules="all-linear",
        lora_dropout=0.0,
        bias="none",
        task_type=task,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=FutureWarning, module="transformers"
        )  # peft asks for what transformers has renamed
        return replace(built, model=get_peft_model(built.model, how))


def merged(built: LoadedModel) -> LoadedModel:
    """The adapters added into the weights: a model like any other of its architecture."""
    return replace(built, model=built.model.merge_and_unload())
