import os
import random
import signal
import string
import threading
import time
from dataclasses import replace

import pytest
import torch

from p2m.engine import decode
from p2m.engine._greedy import greedy
from p2m.student import build
from tests.students import CONFIGS, TINY_BERT, TINY_LLAMA, TINY_T5, built, choice, student

rng = random.Random(0)
TEXTS = [
    "".join(rng.choices(string.ascii_letters + " é日", k=n))
    for n in (3, 40, 1, 17, 25, 8, 60, 12, 33, 5, 21, 2)
]


def by_transformers(made, texts, max_output: int) -> list[str]:
    """The same answers the slow way: generate(), one text at a time."""
    from transformers import GenerationConfig

    said = []
    plain = GenerationConfig(
        max_new_tokens=max_output,
        do_sample=False,
        num_beams=1,
        eos_token_id=1,
        pad_token_id=0,
        decoder_start_token_id=0,
        use_cache=True,
    )
    for text in texts:
        ids = torch.from_numpy(made.encode_inputs([text]).pad([0], 64, made.end_ids(""), 0))
        out = made.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=plain
        )
        said += made.tokenizer.decode(
            [[i for i in out[0].tolist()[ids.shape[1] if made.is_causal else 0 :] if i != 1]]
        )
    return said


@pytest.mark.parametrize("name", CONFIGS)
def test_answers_are_those_of_generate(name):
    made = built(choice(CONFIGS[name]))
    assert decode.Decoder(made, "", 64, 24).answers(TEXTS) == by_transformers(made, TEXTS, 24)


@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize("name", CONFIGS)
def test_answers_do_not_depend_on_the_size_of_the_batch(name, batch):
    made = built(choice(CONFIGS[name]))
    whole = decode.Decoder(made, "", 64, 24, batch=5).answers(TEXTS)
    assert len({len(answer) for answer in whole}) > 2, (
        "the answers should differ in length, so that batches shrink on the way"
    )
    assert decode.Decoder(made, "", 64, 24, batch=batch).answers(TEXTS) == whole


def test_answers_come_in_the_order_asked_and_equal_inputs_get_equal_answers():
    made = built(choice(TINY_T5))
    one_by_one = [decode.Decoder(made, "", 64, 24).answers([text])[0] for text in TEXTS]
    assert decode.Decoder(made, "", 64, 24).answers([*TEXTS, TEXTS[0]]) == [
        *one_by_one,
        one_by_one[0],
    ]


def test_no_input_gives_no_answer():
    assert decode.Decoder(built(choice(TINY_T5)), "", 64, 24).answers([]) == []


def test_an_answer_ends_at_max_output():
    said = decode.Decoder(built(choice(TINY_T5)), "", 64, 3).answers(TEXTS)
    assert max(len(answer.encode()) for answer in said) <= 3


def test_the_prefix_stands_before_each_input():
    made = built(choice(TINY_T5))
    assert decode.Decoder(made, "to: ", 64, 24).answers(["abc"]) == decode.Decoder(
        made, "", 64, 24
    ).answers(["to: abc"])


def test_input_beyond_max_input_is_cut():
    made = built(choice(TINY_T5))
    assert decode.Decoder(made, "", 9, 24).answers(["a" * 50]) == decode.Decoder(
        made, "", 9, 24
    ).answers(["a" * 8])


def test_progress_counts_every_input_once():
    seen: list[int] = []
    decode.Decoder(built(choice(TINY_T5)), "", 64, 8, batch=4).answers(
        [*TEXTS, *TEXTS[:3]], on_done=seen.append
    )
    assert sum(seen) == len(TEXTS) + 3
    assert len(seen) == 3


def test_the_untrained_student_is_the_choice_with_the_limits_of_the_trained_one(tmp_path):
    build.save(build.fresh(choice(TINY_T5), 0), student(tmp_path))
    decoder = decode.load_base(
        choice(TINY_T5), student(tmp_path, prefix="x", max_input=9, max_output=5), seed=3
    )
    again = decode.load_base(
        choice(TINY_T5), student(tmp_path, prefix="x", max_input=9, max_output=5), seed=3
    )
    assert (decoder.prefix, decoder.max_input, decoder.max_output) == ("x", 9, 5)
    assert decoder.answers(TEXTS) == again.answers(TEXTS)


def test_the_suffix_stands_after_each_input_also_after_one_that_is_cut():
    made = built(choice(TINY_LLAMA))
    cut = decode.Decoder(made, "", 8, 24, suffix="\n=")
    assert decode.Decoder(made, "", 64, 24, suffix="\n=").answers(["abc"]) == decode.Decoder(
        made, "", 64, 24
    ).answers(["abc\n="])
    assert cut.answers(["abcdefghijkl"]) == decode.Decoder(made, "", 64, 24).answers(["abcdef\n="])


def test_an_encoder_answers_with_the_likeliest_label():
    made = built(choice(TINY_BERT), labels=("red", "green", "blue"))
    said = decode.Decoder(made, "", 64, 8).answers(TEXTS)
    ids = [torch.tensor([[b + 3 for b in text.encode()] + [1]])[:, :64] for text in TEXTS]
    wanted = [("red", "green", "blue")[int(made.model(input_ids=i).logits.argmax())] for i in ids]
    assert said == wanted
    assert len(set(said)) > 1


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_batches_are_answered_side_by_side_each_on_its_share_of_the_threads():
    met, shares = threading.Barrier(2), []

    def engine(ids):
        met.wait(30)  # for the other one
        shares.append(torch.get_num_threads())
        return [[len(ids)] for _ in ids]

    decode.Decoder(built(choice(TINY_T5)), "", 64, 8, batch=3, greedy=engine).answers(TEXTS)
    assert shares == [1] * 4
    assert torch.get_num_threads() == 2


@pytest.fixture
def hears_ctrl_c():
    """A shell's background jobs begin with SIGINT ignored, and these tests may be one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("two_threads", "hears_ctrl_c")
def test_after_ctrl_c_no_batch_is_answered_to_its_end():
    endless = decode.Decoder(
        built(choice(TINY_T5)), "", 64, 10**5, batch=3
    )  # random weights end no answer soon

    def interrupt():
        while threading.active_count() < alone + 3:  # this one, and two with a batch each
            time.sleep(0.01)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    alone, sent = threading.active_count(), []
    watch = threading.Thread(target=interrupt)
    watch.start()
    with pytest.raises(KeyboardInterrupt):
        endless.answers(TEXTS)
    assert time.monotonic() - sent[0] < 10
    watch.join()


@pytest.mark.parametrize("max_output", [8, 2000])
def test_a_batch_takes_no_more_room_for_its_answers_than_for_its_inputs(max_output):
    sizes = []
    made = built(choice(TINY_T5))

    def engine(ids):
        sizes.append(len(ids))
        return [[1]] * len(ids)

    decode.Decoder(made, "", 64, max_output, greedy=engine).answers([str(i) for i in range(300)])
    assert sizes == ([256, 44] if max_output == 8 else [16] * 18 + [12])


def test_a_batch_that_memory_does_not_hold_is_answered_in_halves():
    made, sizes = built(choice(TINY_T5)), []
    plain = decode.Decoder(made, "", 64, 8)
    wanted, answer = plain.answers(TEXTS), greedy(made, 8, lambda: False)

    def engine(ids):
        if len(ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(ids))
        return answer(ids)

    assert replace(plain, greedy=engine).answers(TEXTS) == wanted
    assert max(sizes) == 2
    with pytest.raises(torch.OutOfMemoryError):
        replace(plain, greedy=lambda ids: engine([ids] * 3)).answers(TEXTS[:1])


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_one_batch_ends_all_of_them():
    def engine(ids):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        decode.Decoder(built(choice(TINY_T5)), "", 64, 8, batch=3, greedy=engine).answers(TEXTS)
    assert torch.get_num_threads() == 2
