import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p2m.errors import UserError
from p2m.student.byte_tokenizer import ByteTokenizer
from p2m.student.tokenizer import learn, of_base, of_student
from p2m.student.tokens import LabelTokenizer


def test_bytes_have_the_ids_of_byt5_and_the_end_token():
    tokens = ByteTokenizer().encode(["hi", "", "é"])
    assert [row.tolist() for row in map(tokens.__getitem__, range(3))] == [
        [107, 108, 1],
        [1],
        [198, 172, 1],
    ]


def test_ids_agree_with_the_tokenizer_published_with_byt5():
    from transformers import ByT5Tokenizer

    texts = ["Hello, world", "größe 日本 \U0001f600", "", "a\nb\tc"]
    ours, theirs = ByteTokenizer().encode(texts), ByT5Tokenizer()
    assert [ours[i].tolist() for i in range(len(texts))] == [
        theirs(text)["input_ids"] for text in texts
    ]


def test_a_special_token_written_in_a_text_stays_letters():
    tokens = ByteTokenizer().encode(["</s>"])
    assert tokens[0].tolist() == [*(b + 3 for b in b"</s>"), 1]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_every_text_comes_back_from_its_bytes(texts):
    tokenizer = ByteTokenizer()
    tokens = tokenizer.encode(texts)
    assert tokenizer.decode([tokens[i].tolist() for i in range(len(texts))]) == texts


def test_a_lone_surrogate_becomes_a_question_mark():
    tokenizer = ByteTokenizer()
    assert tokenizer.decode([tokenizer.encode(["a\ud800b"])[0].tolist()]) == ["a?b"]


def test_ids_that_are_no_byte_and_broken_characters_are_left_out():
    assert ByteTokenizer().decode([[0, 107, 259, 383, 198, 108, 1]]) == ["hi"]


def test_padding_stands_at_the_right_and_a_long_text_is_cut_before_an_end_token():
    tokens = ByteTokenizer().encode(["ab", "abcdef", "a"])
    assert tokens.pad([2, 0, 1], limit=4, end_ids=[1], fill=-100).tolist() == [
        [100, 1, -100, -100],
        [100, 101, 1, -100],
        [100, 101, 102, 1],
    ]
    assert tokens.lengths.tolist() == [3, 7, 2]
    assert tokens.pad([0], 4, [1], 0).dtype == np.int64


def test_a_tokenizer_that_is_but_a_sentencepiece_model_is_read(tmp_path):
    """As mT5 was published."""
    import sentencepiece

    from p2m.student.hub_tokenizer import HubTokenizer

    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    with (tmp_path / "spiece.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["hello world", "a quick fox"] * 20),
            model_writer=file,
            vocab_size=40,
            hard_vocab_limit=False,
            minloglevel=2,
            **ids,
        )
    about = {
        "tokenizer_class": "T5Tokenizer",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "extra_ids": 0,
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(about))
    (tmp_path / "config.json").write_text('{"model_type": "mt5"}')
    tokenizer = HubTokenizer.load(str(tmp_path), None)
    tokens = tokenizer.encode(["hello fox"])
    assert (tokenizer.pad, tokenizer.end, int(tokens[0][-1])) == (0, 1, 1)
    assert tokenizer.decode([tokens[0].tolist()]) == ["hello fox"]


def test_a_student_from_scratch_reads_bytes(tmp_path):
    (tmp_path / "student.json").write_text(json.dumps({"tokenizer": "bytes"}))
    assert isinstance(of_base("scratch", None), ByteTokenizer)
    assert isinstance(of_student(tmp_path), ByteTokenizer)


def test_a_published_tokenizer_gets_its_end_token_and_comes_back_from_its_files(words, tmp_path):
    tokenizer = of_base(str(words), None)
    tokens = tokenizer.encode(["red blue", "green"])
    assert [tokens[0].tolist(), tokens[1].tolist()] == [[3, 5, 1], [4, 1]]
    assert tokenizer.decode([[3, 4, 1, 0]]) == ["red green"]
    tokenizer.for_transformers(is_causal=False).save_pretrained(tmp_path / "kept")
    (tmp_path / "kept" / "student.json").write_text(json.dumps({"tokenizer": "files"}))
    assert of_student(tmp_path / "kept").encode(["blue"])[0].tolist() == [5, 1]


def test_byt5_of_the_hub_is_read_by_the_fast_byte_tokenizer(tmp_path):
    from transformers import ByT5Tokenizer

    ByT5Tokenizer().save_pretrained(tmp_path)
    assert isinstance(of_base(str(tmp_path), None), ByteTokenizer)


LEARNT = ["[2024-03-14 Thu] next friday", "[2024-03-15 Fri] next monday", "in a week"] * 20


@example(["\ufffd, which stands for a broken character elsewhere"])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_every_text_comes_back_from_learnt_pieces(texts):
    tokenizer = learn(LEARNT, 300)
    tokens = tokenizer.encode(texts)
    assert tokenizer.decode([tokens[i].tolist() for i in range(len(texts))]) == texts


def test_pieces_are_words_that_recur_and_the_same_texts_give_the_same(tmp_path):
    tokenizer, again = learn(LEARNT, 320), learn(iter(LEARNT), 320)
    assert len(tokenizer.encode(["[2024-03-14 Thu] next friday"])[0]) <= 12
    for at, made in (("a", tokenizer), ("b", again)):
        (tmp_path / at).mkdir()
        made.for_transformers(is_causal=False).save_pretrained(tmp_path / at)
    assert (tmp_path / "a/tokenizer.json").read_bytes() == (
        tmp_path / "b/tokenizer.json"
    ).read_bytes()
    assert 259 < tokenizer.size <= 320


def test_a_name_with_underscores_can_become_one_piece():
    tokenizer = learn(["I_TURN_LEFT I_JUMP I_TURN_LEFT"] * 20, 320)
    assert len(tokenizer.encode(["I_TURN_LEFT I_JUMP I_TURN_LEFT"])[0]) == 4  # with the end token


def test_pieces_reach_over_no_space_and_from_letters_into_no_digits():
    texts = ["may 2024 (may_2024), it's 12 o'clock!"] * 50
    tokenizer = learn(texts, 1024)
    pieces = tokenizer.decode([[i] for i in tokenizer.encode(texts[:1])[0].tolist()])
    assert pieces == [
        "may",
        " 2024",
        " (",
        "may_",
        "2024",
        "),",
        " it",
        "'s",
        " 12",
        " o",
        "'",
        "clock",
        "!",
        "",
    ]


def test_learnt_pieces_are_kept_with_the_student(tmp_path):
    tokenizer = learn(LEARNT, 300)
    tokenizer.for_transformers(is_causal=False).save_pretrained(tmp_path)
    (tmp_path / "student.json").write_text(json.dumps({"tokenizer": tokenizer.name}))
    texts = ["next friday é", "</s> is four letters", "a\ud800b", "<pad>"]
    assert [of_student(tmp_path).encode(texts)[i].tolist() for i in range(4)] == [
        tokenizer.encode(texts)[i].tolist() for i in range(4)
    ]
    assert tokenizer.decode([tokenizer.encode(texts)[i].tolist() for i in range(4)]) == [
        "next friday é",
        "</s> is four letters",
        "a?b",
        "<pad>",
    ]


def test_ids_beyond_the_pieces_and_broken_characters_are_left_out():
    tokenizer = learn(LEARNT, 300)
    ids = tokenizer.encode(["é"])[0].tolist()
    assert tokenizer.decode([[0, ids[0], 1, 1023]]) == [""]


def test_inputs_that_an_answer_follows_have_no_end_token_and_are_padded_at_the_left():
    tokens = ByteTokenizer().encode(["abc", "a"]).without_end()
    assert tokens.lengths.tolist() == [3, 1]
    assert tokens.pad([0, 1], 8, [], 0, left=True).tolist() == [[100, 101, 102], [0, 0, 100]]
    assert tokens.pad([0, 1], 2, [9], 0, left=True).tolist() == [[100, 9], [0, 100]]


def test_a_label_that_is_not_known_is_told_with_those_that_are():
    labels = LabelTokenizer(["red", "green"])
    assert labels.decode([labels.encode(["green", "red"])[0].tolist()]) == ["green"]
    with pytest.raises(
        UserError, match="'blue' is none of the 2 labels that this student chooses from: red, green"
    ):
        labels.encode(["red", "blue"])
