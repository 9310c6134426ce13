"""Students for CTranslate2.  Its tokens are p2m's ids written as text, so that no tokenizer has to be carried over.

https://opennmt.net/CTranslate2: greedy search is beam_size=1; weights go as they are, or as int8 with a scale a row.
"""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.converters import transformers as loaders
from numpy.typing import NDArray

from p2m.errors import UserError
from p2m.student.build import LoadedModel
from p2m.student.machine import cores

LOADERS = {
    "encoder-decoder": {
        "bart": loaders.BartLoader,
        "mt5": loaders.MT5Loader,
        "t5": loaders.T5Loader,
    },
    "decoder-only": {"llama": loaders.LlamaLoader, "qwen2": loaders.Qwen2Loader},
}


def convert(built: LoadedModel, folder: Path, compute_type: str) -> None:
    """Writes the student for CTranslate2 into *folder*, in place of what is there.  UserError for what it cannot convert."""
    config = built.model.config
    if config.model_type not in LOADERS.get(built.kind, ()):
        known = ", ".join(name for names in LOADERS.values() for name in names)
        raise UserError(
            f"student: engine=ctranslate2 is for the architectures {known}; this one is {config.model_type} ({built.kind}):"
            " set student.engine=torch"
        )
    if config.model_type == "bart":
        config.normalize_before = False  # which the loader asks for: a flag of old configs, as BART has it in transformers
    # it rounds the weights it is given where they stand
    spec = LOADERS[built.kind][config.model_type]().get_model_spec(copy.deepcopy(built.model).cpu())
    tokens, (pad, end) = (
        [str(i) for i in range(config.vocab_size)],
        (str(i) for i in (built.tokenizer.pad, built.tokenizer.end)),
    )
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = pad, end, pad
    if built.is_causal:
        spec.register_vocabulary(tokens)
        spec.config.layer_norm_epsilon = config.rms_norm_eps
    else:
        spec.register_source_vocabulary(tokens)
        spec.register_target_vocabulary(tokens)
        spec.config.decoder_start_token = str(config.decoder_start_token_id)
    spec.validate()
    spec.optimize(quantization="int8" if compute_type == "int8" else None)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec.save(str(folder))


def greedy(
    built: LoadedModel, folder: Path, compute_type: str, max_output: int, at_once: int
) -> Callable[[NDArray[np.int64]], list[list[int]]]:
    """A function from ids_BS, padded as the student wants them, to the ids of each answer, without the end token.

    at_once: calls that may run side by side; they share the cores.
    """
    side_by_side = min(at_once, cores())
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    engine = ctranslate2.Generator if built.is_causal else ctranslate2.Translator
    threads = {"inter_threads": side_by_side, "intra_threads": cores() // side_by_side}
    made = engine(str(folder), device=device, compute_type=compute_type, **threads)
    pad = built.tokenizer.pad

    def decode(ids: NDArray[np.int64]) -> list[list[int]]:
        asked = [[str(i) for i in row[row != pad].tolist()] for row in ids]
        if built.is_causal:
            told = [
                result.sequences
                for result in made.generate_batch(
                    asked, beam_size=1, max_length=max_output, include_prompt_in_result=False
                )
            ]
        else:
            told = [
                result.hypotheses
                for result in made.translate_batch(
                    asked, beam_size=1, max_input_length=0, max_decoding_length=max_output
                )
            ]
        return [[int(token) for token in best] for best, *_ in told]

    return decode
