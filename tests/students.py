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
ENCODERS = {
    "bert": TINY_BERT,
    "deberta-v2": TINY_BERT
    | {"model_type": "deberta-v2", "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "distilbert": {
        "model_type": "distilbert",
        "vocab_size": 384,
        "dim": 32,
        "hidden_dim": 64,
        "n_layers": 2,
        "n_heads": 4,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "seq_classif_dropout": 0.0,
        "initializer_range": 0.4,
    },
    "modernbert": TINY_LLAMA
    | {
        "model_type": "modernbert",
        "eos_token_id": None,
        "cls_token_id": None,
        "sep_token_id": None,
    },
    "mpnet": TINY_BERT | {"model_type": "mpnet"},
    "roberta": TINY_BERT | {"model_type": "roberta"},
    "xlm-roberta": TINY_BERT | {"model_type": "xlm-roberta"},
}
CONFIGS = {
    "t5": TINY_T5,
    "gated t5": TINY_T5 | {"feed_forward_proj": "gated-gelu"},
    "untied scale": TINY_T5 | {"tie_word_embeddings": False},
    "mt5": TINY_T5 | {"model_type": "mt5", "feed_forward_proj": "gated-gelu"},
    "bart": TINY_BART,
    "llama": TINY_LLAMA,
    "gemma3": TINY_LLAMA
    | {
        "model_type": "gemma3_text",
        "num_hidden_layers": 6,  # the last of them looks at all, the others at their window
        "num_key_value_heads": 2,
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "sliding_window": 16,
    },
    "mistral": TINY_LLAMA | {"model_type": "mistral", "num_key_value_heads": 2},
    "qwen2": TINY_LLAMA | {"model_type": "qwen2", "num_key_value_heads": 2},
    "qwen3": TINY_LLAMA | {"model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 8},
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
