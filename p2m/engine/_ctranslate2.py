"""Students for CTranslate2, whose tokens are p2m's ids written as text: no tokenizer goes along.

https://opennmt.net/CTranslate2: greedy search is beam_size=1; weights go as they are, or as int8
with a scale a row.
"""

import copy
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.converters import transformers as loaders
from numpy.typing import NDArray

from p2m.engine.decode import AT_ONCE
from p2m.errors import UserError
from p2m.student.build import LoadedModel
from p2m.student.machine import cores

LOADERS = {
    "bart": loaders.BartLoader,
    "mt5": loaders.MT5Loader,
    "t5": loaders.T5Loader,
    "llama": loaders.LlamaLoader,
    "mistral": loaders.MistralLoader,
    "qwen2": loaders.Qwen2Loader,
    "qwen3": loaders.Qwen3Loader,
    "gemma3_text": loaders.Gemma3Loader,
}


def convert(built: LoadedModel, folder: Path, compute_type: str) -> None:
    """Writes the student for CTranslate2 into *folder*.  UserError for what it cannot convert."""
    config = built.model.config
    if config.model_type not in LOADERS:
        raise UserError(
            f"engine: ctranslate2 is for the architectures {', '.join(LOADERS)};"
            f" this one is {config.model_type} ({built.kind}): set engine=torch"
        )
    if config.model_type == "bart":
        config.normalize_before = False  # which its loader asks for: a flag of old configs
    # it rounds the weights it is given where they stand
    spec = LOADERS[config.model_type]().get_model_spec(copy.deepcopy(built.model).cpu())
    tokens = [str(i) for i in range(config.vocab_size)]
    pad = str(built.tokenizer.pad)
    spec.config.bos_token = spec.config.unk_token = pad
    spec.config.eos_token = str(built.tokenizer.end)
    if built.is_causal:
        spec.register_vocabulary(tokens)
        spec.config.layer_norm_epsilon = config.rms_norm_eps
    else:
        spec.register_source_vocabulary(tokens)
        spec.register_target_vocabulary(tokens)
        spec.config.decoder_start_token = str(config.decoder_start_token_id)
    spec.validate()
    spec.optimize(quantization="int8" if compute_type == "int8" else None)
    spec.save(str(folder))


def greedy(
    built: LoadedModel, folder: Path, compute_type: str, max_output: int
) -> Callable[[NDArray[np.int64]], list[list[int]]]:
    """A function from ids_BS, padded as the student wants them, to the ids of each answer.

    Without the end token.  It may be called side by side; the calls share the cores.
    """
    side_by_side = min(AT_ONCE, cores())
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    kind = ctranslate2.Generator if built.is_causal else ctranslate2.Translator
    model = kind(
        str(folder),
        device=device,
        compute_type=compute_type,
        inter_threads=side_by_side,
        intra_threads=cores() // side_by_side,
    )
    pad = built.tokenizer.pad

    def answer(ids_BS: NDArray[np.int64]) -> list[list[int]]:
        inputs = [[str(i) for i in row[row != pad].tolist()] for row in ids_BS]
        if built.is_causal:
            results = model.generate_batch(
                inputs, beam_size=1, max_length=max_output, include_prompt_in_result=False
            )
            outputs = [result.sequences[0] for result in results]
        else:
            results = model.translate_batch(
                inputs, beam_size=1, max_input_length=0, max_decoding_length=max_output
            )
            outputs = [result.hypotheses[0] for result in results]
        return [[int(token) for token in output] for output in outputs]

    return answer
