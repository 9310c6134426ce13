"""Tokenizers of bytes, and of pieces of bytes, as transformers reads them from tokenizer.json."""

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders
from tokenizers.processors import TemplateProcessing

SPECIAL = ("<pad>", "</s>", "<unk>")  # the ids 0, 1 and 2
# GPT-2 writes these bytes as themselves in its pieces; the others become letters from 256 on
_PRINTED = (*range(33, 127), *range(161, 173), *range(174, 256))


def _letters() -> list[str]:
    letters, spare = [], 256
    for byte in range(256):
        if byte in _PRINTED:
            letters.append(chr(byte))
        else:
            letters.append(chr(spare))
            spare += 1
    return letters


LETTERS = _letters()  # what stands for each byte, in the order of the bytes


def wrap(inner: Tokenizer, is_causal: bool) -> Any:
    """*inner* as a tokenizer of transformers, with an end token unless *is_causal*.

    `</s>` in a text is four letters there too, and broken characters are left out of answers.
    """
    from transformers import PreTrainedTokenizerFast

    inner.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    inner.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace("\ufffd", "")])
    if not is_causal:
        inner.post_processor = TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    names = dict(zip(("pad_token", "eos_token", "unk_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        **names,
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
