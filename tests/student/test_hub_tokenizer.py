"""Published tokenizers: where a text begins and ends, what pads it, and how a chat asks."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from p2m.student.hub_tokenizer import HubTokenizer

# as Qwen and SmolLM ask, whose turns end with the id that they pad with
TURNS = (
    "{% for message in messages %}<turn>{{ message.role }}\n{{ message.content }}<stop>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
SPECIAL = ["<pad>", "<s>", "</s>", "<turn>", "<stop>"]


def tokenizer(template=None, starts=False, **named):
    """Of bytes and the special tokens; starts: with <s> before each text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE({c: i for i, c in enumerate([*SPECIAL, *alphabet])}, []))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    words.add_special_tokens(SPECIAL)
    if starts:
        words.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    inner = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", **named)
    inner.chat_template = template
    return HubTokenizer(inner, "test")


def ids(made, text):
    return made.encode([text])[0].tolist()


def test_a_chat_is_asked_in_its_template():
    assert tokenizer(TURNS, eos_token="<stop>").chat() == (
        "<turn>user\n",
        "<stop>\n<turn>assistant\n",
    )
    assert tokenizer(eos_token="</s>").chat() is None


def test_an_answer_ends_as_turns_of_the_chat_do():
    made = tokenizer(TURNS, eos_token="</s>", pad_token="<pad>")
    assert made.end == SPECIAL.index("<stop>")
    assert ids(made, "x")[-1] == made.end


def test_a_text_holds_no_padding_though_its_turns_end_with_what_the_tokenizer_pads_with():
    made = tokenizer(TURNS, eos_token="<stop>", pad_token="<stop>")
    before, after = made.chat()
    assert made.pad not in ids(made, before + "x" + after)
    assert made.pad != made.end


def test_the_padding_of_a_kept_tokenizer_is_found_again(tmp_path):
    made = tokenizer(TURNS, eos_token="<stop>", pad_token="<stop>")
    made.for_transformers(is_causal=True).save_pretrained(tmp_path)
    again = HubTokenizer.load(str(tmp_path), None)
    assert (again.pad, again.end, again.chat()) == (made.pad, made.end, made.chat())


def test_a_start_token_stands_once_before_an_input_and_not_before_its_answer():
    made = tokenizer("{{ bos_token }}" + TURNS, starts=True, eos_token="</s>", pad_token="<pad>")
    start = SPECIAL.index("<s>")
    before, after = made.chat()
    assert ids(made, before + "x" + after).count(start) == 1
    assert start not in ids(made.continuing(), "x")
    assert ids(made.continuing(), "x")[-1] == made.end
