"""Tiny students of every architecture, from random weights: what several rooms' tests train and
ask."""

from pathlib import Path
from typing import Any

import torch

from p2m.artifacts import Choice, Student
from p2m.student import build

TINY_T5 = {
    "model_type": "t5",
    "vocab_size": 384,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "dropout_rate": 0.0,
    "decoder_start_token_id": 0,
}
TINY_BART = {
    "model_type": "bart",
    "vocab_size": 384,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
    "forced_eos_token_id": None,
    "dropout": 0.0,
    "init_std": 0.2,
}
TINY_LLAMA = {
    "model_type": "llama",
    "vocab_size": 384,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": None,
    "initializer_range": 0.2,
}
TINY_BERT = {
    "model_type": "bert",
    "vocab_size": 384,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.4,
}
CONFIGS = {
    "t5": TINY_T5,
    "gated t5": TINY_T5 | {"feed_forward_proj": "gated-gelu"},
    "untied scale": TINY_T5 | {"tie_word_embeddings": False},
    "mt5": TINY_T5 | {"model_type": "mt5", "feed_forward_proj": "gated-gelu"},
    "bart": TINY_BART,
    "llama": TINY_LLAMA,
    "qwen2": TINY_LLAMA | {"model_type": "qwen2", "num_key_value_heads": 2},
}


def choice(config: dict[str, Any]) -> Choice:
    """The config as a student from scratch, of the kind that its architecture is."""
    for kind, known in build.ARCHITECTURES.items():
        if config["model_type"] in known:
            return Choice("scratch", None, kind, config)
    raise ValueError(config["model_type"])


def built(chosen: Choice, seed: int = 0, labels: tuple[str, ...] = ()) -> build.LoadedModel:
    """An untrained student whose answers differ in length.

    Weights are drawn wide, and the end token is made likelier.
    """
    made = build.fresh(chosen, seed, labels=labels)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in made.model.named_parameters():
            if weight.ndim == 2 and "shared" not in name and "embed" not in name:
                weight.mul_(1.7)
        if not labels:
            made.model.get_output_embeddings().weight[1] *= 2.2
    made.model.eval()
    return made


def student(folder: Path, **changes: Any) -> Student:
    plain: dict[str, Any] = {
        "base": "scratch",
        "kind": "encoder-decoder",
        "prefix": "",
        "max_input": 64,
        "max_output": 24,
    }
    return Student(folder, **(plain | changes))
