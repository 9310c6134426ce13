"""Prompts as people write them, taken apart by their form."""

import contextlib
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2m.artifacts import Example, Prompt
from p2m.errors import InputError
from p2m.parser._pairs import pairs_in
from p2m.parser.sections import Sections


def parsed(text, demonstrations=()):
    return Sections().run(Prompt(text, demonstrations), None)


def pairs(text):
    return [(p.input, p.output) for p in pairs_in(text)]


def told(text, demonstrations=()):
    with pytest.raises(InputError) as error:
        parsed(text, demonstrations)
    return str(error.value)


QUOTED = """# Capitals

## Instruction

Name the capital of the country.

## Examples

input="France"
output="Paris"

input="Peru" output="Lima"

## Notes

Write N/A where there is none.
"""


def test_headings_and_quoted_pairs_are_told_apart():
    task = parsed(QUOTED)
    assert (
        task.instruction
        == "Name the capital of the country.\n\n## Notes\n\nWrite N/A where there is none."
    )
    assert list(task.demonstrations) == [
        Example("France", "Paris", "prompt"),
        Example("Peru", "Lima", "prompt"),
    ]
    assert task.labels == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('input="a"\noutput="b"', [("a", "b")]),
        ('input="a", output="b"', [("a", "b")]),
        ("INPUT = 'a'\nOutput = 'b'.", [("a", "b")]),
        ('- input="a"\n  output="b"\n- input="c"\n  output="d"\n', [("a", "b"), ("c", "d")]),
        ('1. input="a" output="b"\n2. input="c" output="d"', [("a", "b"), ("c", "d")]),
        ('input="a" output="b" input="c" output="d"', [("a", "b"), ("c", "d")]),
        (
            'input="say "hi" to\n\nall" output="print("hi")"\n\ninput="c"\noutput="d"',
            [('say "hi" to\n\nall', 'print("hi")'), ("c", "d")],
        ),
        (
            'input="a"\noutput="one\n\nsays "two"\n\nthree"\n\ninput="c"\noutput="d"',
            [("a", 'one\n\nsays "two"\n\nthree'), ("c", "d")],
        ),
        (
            'input="a"\noutput="def f():\n  # it\'s a comment\n  return "x""\n',
            [("a", 'def f():\n  # it\'s a comment\n  return "x"')],
        ),
        ('input="a"\noutput="b"\n\nAnswer "N/A" where nobody knows.\n', [("a", "b")]),
        ('input="a \\"b\\""\noutput="c"', [('a "b"', "c")]),
        ('input="a \\"b" c"\noutput="d"', [('a \\"b" c', "d")]),
        ('input=" a "\noutput="b"', [(" a ", "b")]),
        ('input="output=5"\noutput="input=5"', [("output=5", "input=5")]),
    ],
)
def test_a_quoted_pair_is_found_whatever_stands_in_it(text, expected):
    assert pairs(text) == expected


VALUES = st.text(
    alphabet=string.ascii_letters + string.digits + " \"'=,.:#-|é日\n", min_size=1, max_size=40
).filter(
    lambda v: (
        v.strip()
        and "put" not in v.lower()
        and not v.rstrip().endswith('"')
        and '"\n' not in v
        and not v.endswith("\\")
    )
)


@given(
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4),
    st.sampled_from(["\n", " ", ", "]),
    st.sampled_from(["\n", "\n\n"]),
)
def test_pairs_that_are_written_out_come_back_exactly(written, middle, between):
    text = between.join(f'input="{source}"{middle}output="{output}"' for source, output in written)
    assert pairs(f"Do it.\n\n{text}\n") == written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Input: a\nOutput: b\n\nInput: c\nOutput: d\n", [("a", "b"), ("c", "d")]),
        ("**Input:** a\n**Output:** b", [("a", "b")]),
        ("- Input: a\n- Output: b", [("a", "b")]),
        (
            "Example 1:\nInput: a\nOutput: b\n\nExample 2:\nInput: c\nOutput: d",
            [("a", "b"), ("c", "d")],
        ),
        ('Input: "a"\nOutput: "b"', [("a", "b")]),
        ('Input: "a"\nOutput: b', [('"a"', "b")]),
        ("Input:\na\n\nb\nOutput:\nc\n\nThat was all.", [("a\n\nb", "c")]),
        (
            "Input: a\nOutput: b\n\nc\n\nHere is another:\n\nInput: d\nOutput: e",
            [("a", "b\n\nc"), ("d", "e")],
        ),
        (
            "Input: a\nOutput:\n```python\ndef f():\n\n    return 1\n```\nThat was all.",
            [("a", "def f():\n\n    return 1")],
        ),
        ("Input:\n```\na\n\nb\n```\nOutput: c", [("a\n\nb", "c")]),
        ("Input: a\nOutput: b\n---\nInput: c\nOutput: d\n# End", [("a", "b"), ("c", "d")]),
        ("Eingabe: a\nAusgabe: b", [("a", "b")]),
        ("入力：東京\n出力：日本", [("東京", "日本")]),
        ("Input: a\nOutput: b\n\nInput: {text}\nOutput:\n", [("a", "b"), ("", "")]),
        (
            "Input: a question\nOutput: its answer\n\n## Examples\n\nInput: a\nOutput: b",
            [("a", "b")],
        ),
        ("Entrée\u00a0: a\nSortie\u202f: b\n\nEntrée : c\nSortie : d", [("a", "b"), ("c", "d")]),
        ("입력: 가\n출력: 가세요", [("가", "가세요")]),
        ("Вход: a\nВыход: b", [("a", "b")]),
        ("المدخل: a\nالمخرج: b", [("a", "b")]),
        (
            "## Examples\n\nInput: a\nOutput: - b\n\n- c\n\nInput: d\nOutput: - e\n\n- f\n",
            [("a", "- b\n\n- c"), ("d", "- e\n\n- f")],
        ),
        (
            "## Examples\n\nInput: a\nOutput: b\n\nInput: d\nOutput: e\n\nThat was all.",
            [("a", "b"), ("d", "e")],
        ),
        (
            "Input: a\nOutput: - b\n\n- c\n\nInput: d\nOutput: e\n\nThat was all.",
            [("a", "- b\n\n- c"), ("d", "e")],
        ),
        ("Input: a tweet\n\n## Examples\n\nInput: a\nOutput: b\n", [("a", "b")]),
    ],
)
def test_blocks_of_input_and_output_are_found(text, expected):
    assert pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "| input | output |\n|---|---|\n| a | b |\n| c \\| d | e |\n",
            [("a", "b"), ("c | d", "e")],
        ),
        ("No | Output | Input\n--|:--:|--\n1 | b | a\n\nThe end | of | it", [("a", "b")]),
        ("| Input | Output |\n|---|---|\n| `a` | `b` |\n", [("a", "b")]),
        ("| name | value |\n|---|---|\n| a | b |\n", []),
        ('{"input": "a", "output": "b"}\n{"input": "c"}\n{not json}\n', [("a", "b")]),
        ("| Input | Output |\n|---|---|\n| a `|` b | or |\n", [("a `|` b", "or")]),
        ("| Input | Output |\n|---|---|\n| `a|b` | `or` |\n", [("a|b", "or")]),
        ("| Input | Output |\n|---|---|\n| a | b |\nAfter it.", [("a", "b")]),
        (
            '{"input": "2 plus 2", "output": 4}\n{"input": 1.50, "output": true}',
            [("2 plus 2", "4"), ("1.50", "true")],
        ),
        (
            (
                '[\n  {\n    "input": "a",\n    "output": "b"\n  },\n  {"input": "c", "output": '
                '"d"}\n]'
            ),
            [("a", "b"), ("c", "d")],
        ),
        (
            '- {"input": "a", "output": "b"}\n- {"input": "c", "output": "d"}',
            [("a", "b"), ("c", "d")],
        ),
        (
            '[{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]',
            [("a", "b"), ("c", "d")],
        ),
        ('{"input": <the text>, "output": <the label>}\n{"input": ..., "output": ...}', []),
        ("[1, 2]\n{1}\n", []),
    ],
)
def test_tables_and_json_lines_are_found(text, expected):
    assert pairs(text) == expected


AB, CD = ("a b", "b"), ("c d", "d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Q: a b\nA: b\n\nQ: c d\nA: d\n\nQ: {question}\nA:", [AB, CD]),
        ("Question : a b\nRéponse : b", [AB]),
        ("Вопрос: a b\nОтвет: b", [AB]),
        ("प्रश्न: a b\nउत्तर: b", [AB]),
        ("السؤال: a b\nالجواب: b", [AB]),
        ("질문: a b\n답변: b", [AB]),
        ("入力例：a b\n出力例：b", [AB]),
        ("Review: a b\nSentiment: b\n\nReview: c d\nSentiment: d\n", [AB, CD]),
        ("Review: a b\nSentiment: b\n", []),
        ("For example:\n\nReview: a b\nSentiment: b\n", [AB]),
        (
            "English: a b\nFrench: b\n\nEnglish: c d\nFrench: d\n\nEnglish: {text}\nFrench:",
            [AB, CD],
        ),
        ("Label: b\nText: a b\n\nLabel: d\nText: c d\n", [AB, CD]),
        (
            "Text: a\nQuestion: b\nAnswer: c\n\nText: d\nQuestion: e\nAnswer: f",
            [("Text: a\nQuestion: b", "c"), ("Text: d\nQuestion: e", "f")],
        ),
        ("Question: a\nReasoning: b\nAnswer: c\n\nQuestion: d\nReasoning: e\nAnswer: f", []),
        ("Question: which?\nA: x\nB: y\nAnswer: B", [("which?\nA: x\nB: y", "B")]),
        ("### Input\na b\n\n### Output\nb\n\n### Input\nc d\n\n### Output\nd\n", [AB, CD]),
        ("## Examples\n\n### Example input 1:\na b\n### Example output 1:\nb\n", [AB]),
        ("**Input**\na b\n\n**Output**\nb\n", [AB]),
        ("[INPUT] a b\n[OUTPUT] b\n[INPUT] c d\n[OUTPUT] d", [AB, CD]),
        (
            (
                "<article>\na b\n</article>\n<title>b</title>\n<article>c d</article>\n"
                "<title>d</title>"
            ),
            [AB, CD],
        ),
        ("```\nInput: a b\nOutput: b\n```\n\n```\nInput: c d\nOutput: d\n```", [AB, CD]),
        ("(Input) a b\n(Output) b\n\n(Input) c d\n(Output) d", [AB, CD]),
        ("Input - a b\nOutput - b", [AB]),
        ("INPUT\n=====\na b\n\nOUTPUT\n======\nb", [AB]),
        ("Q. a b\nA. b\n\nQ) c d\nA) d", [AB, CD]),
        (
            (
                "Name: what it is called\nKind: which\n\nBe short.\n\nName: a\nKind: b\n"
                "Slogan: c\n\n"
                "Name: d\nKind: e\nSlogan: f"
            ),
            [("Name: a\nKind: b", "c"), ("Name: d\nKind: e", "f")],
        ),
        ("Text: a b -> Label: b\nText: c d -> Label: d", [AB, CD]),
        ("*Input:* a b\n*Output:* b", [AB]),
        ("Entre\u0301e n°1 : a b\nSortie n°1 : b", [AB]),
        (
            (
                "Here are two examples:\n\nInput: a b\nOutput: - b\n\n- b\n\nInput: c d\nOutput: - "
                "d\n\n- d"
            ),
            [("a b", "- b\n\n- b"), ("c d", "- d\n\n- d")],
        ),
        ("###\nInput: a b\nOutput: b\n###\nInput: c d\nOutput: d\n###", [AB, CD]),
        ("1)\nInput: a b\nOutput: b\n\n2)\nInput: c d\nOutput: d", [AB, CD]),
        ("Case 1:\nInput: a b\nOutput: b\n\nCase 2:\nInput: c d\nOutput: d", [AB, CD]),
        ("Input:\n1\nOutput:\n42\n\nInput:\n2\nOutput:\n43", [("1", "42"), ("2", "43")]),
        ('{"Input": "a b", "Output": "b"}', [AB]),
        (
            (
                '{"examples": [\n {"input": "a b", "output": "b"},\n {"input": "c d", "output": '
                '"d"}\n]}'
            ),
            [AB, CD],
        ),
        ("Input: a b Output: b\nInput: c d | Output: d\n", [AB, CD]),
        ('Input: """a b"""\nOutput: """b"""', [AB]),
        ("Input: <the text>\nOutput: <its label>\n\nInput: a b\nOutput: b\n", [AB]),
        ("<input>a b</input>\n<output>b</output>", [AB]),
        ("<example>\n<q>a b</q><a>b</a>\n</example>\n<q>{text}</q>", [AB]),
        ("<wrong>a b</wrong><right>b</right>\n<wrong>c d</wrong><right>d</right>", [AB, CD]),
        ("<b>a</b> <i>b</i> and <b>c</b> <i>d</i>", []),
        ("a b => b\nc d => d\ne f =>", [AB, CD]),
        ("- a b → b\n\n- c d → d", [AB, CD]),
        ('"a b" -> "b"', [AB]),
        ("Example: a b -> b", [AB]),
        ("入力「a b」→ 出力「b」", [AB]),
        ("English -> French", []),
        ("These are the rules:\n- a b -> b\n- c d -> d\n", []),
        ("def f(a: int) -> int:\ndef g(a: int) -> str:\n", []),
        ("a -> b -> c\nd -> e -> f\n", []),
        ("| Question | Answer |\n|---|---|\n| a b | b |\n", [AB]),
        ("| Input | Output |\n|---|---|\n| ``a|c`` | a &#124; d |\n", [("``a|c``", "a | d")]),
        ("## Examples\n\n| Review | Stars |\n|---|---|\n| a b | b |\n", [AB]),
        ('{"text": "a b", "label": "b"}\n{"text": "c d", "label": "d"}', [AB, CD]),
        (
            (
                '{"messages": [{"role": "user", "content": "a b"}, {"role": "assistant", '
                '"content": '
                '"b"}]}'
            ),
            [AB],
        ),
    ],
)
def test_other_forms_of_demonstrations_are_read(text, expected):
    demonstrations = parsed(f"Do it.\n\n{text}").demonstrations
    assert [(d.input, d.output) for d in demonstrations] == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Review: a b\nSentiment: b\n", "line 3, 'Review: a b'"),
        (
            "Question: a\nReasoning: b\nAnswer: c\n\nQuestion: d\nReasoning: e\nAnswer: f",
            "line 3, 'Question: a'",
        ),
        ("Input: a\nOutput: b\n\n## More examples\n\nInput: c\nOutput: d", "line 3, 'Input: a'"),
        ("Input: a\nOutput: - b\n\n- c\n\nInput: d\nOutput: - e\n\n- f", "line 11, '- f'"),
        ("Examples:\n- a: b\n- c: d\n", "line 3, 'Examples:'"),
        ("input=a output=b\n", "line 3, 'input=a output=b'"),
        ("```csv\ninput,output\na,b\n```\n", "line 4, 'input,output'"),
        ("<input>a\n<output>b\n", "line 3, '<input>a'"),
        ('{"word": "a", "plural": "b"}', """line 3, '{"word": "a", "plural": "b"}'"""),
        ("| word | plural |\n|---|---|\n| a | b |", "line 4, '|---|---|'"),
        ("hot: cold\nbig: small\n", "line 3, 'hot: cold'"),
        ("cheese = fromage\nsea otter = loutre\n", "line 3, 'cheese = fromage'"),
        ("Examples: hot -> cold, big -> small.", "line 3, 'Examples: hot -> cold, big -> small.'"),
        ("✗ a\n✓ b\n", "line 3, '✗ a'"),
        ("<|im_start|>user\na<|im_end|>", "line 3, '<|im_start|>user'"),
        ("The rules:\n- a b -> b\n", "line 4, '- a b -> b'"),
    ],
)
def test_what_looks_like_a_demonstration_and_is_not_read_as_one_is_told_with_its_line(text, line):
    doubts = parsed(f"Do it.\n\n{text}").doubts
    assert doubts[0] == f"{line}, looks like a demonstration and is read as instruction"


@pytest.mark.parametrize(
    "text",
    [
        QUOTED,
        "Say yes.",
        "Do it.\n\nInput: a\nOutput: b\n",
        "Do it as in the examples.\n\nExample 1:\nInput: a\nOutput: b\n\nInput: {text}\nOutput:",
        "Tone: friendly\nLength: short\nAnswer the mail.",
    ],
)
def test_a_prompt_that_is_plain_raises_no_doubt(text):
    assert parsed(text).doubts == ()


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        ('Translate to French:\n\ninput="a"\noutput="b"', "Translate to French:"),
        ('Translate.\n\nHere are some examples:\n\ninput="a"\noutput="b"', "Translate."),
        ('Translate.\n\n## Examples\n\n```\ninput="a"\noutput="b"\n```\n', "Translate."),
        (
            "Translate.\n\nExample 1:\nInput: a\nOutput: b\n\nExample 2:\nInput: c\nOutput: d",
            "Translate.",
        ),
        (
            "## Task\nTranslate.\n## Style\nShort.\n```\n# no heading\n```",
            "Translate.\n\n## Style\nShort.\n```\n# no heading\n```",
        ),
        ("# Translate to French", "Translate to French"),
        ('# Translate to French\n\n## Examples\n\ninput="a"\noutput="b"', "Translate to French"),
        ("Translate.\r\n\r\nInput: a\r\nOutput: b\r\n", "Translate."),
        ('Add.\n\n[\n  {"input": "a", "output": 1},\n  {"input": "b", "output": 2}\n]\n', "Add."),
        ("Translate.\n\nInput: a\nOutput: b\n\nInput: {text}\nOutput:", "Translate."),
        (
            "Translate.\n\n###\nInput: a\nOutput: b\n###\nInput: c\nOutput: d\n###\n\nBe short.",
            "Translate.\n\nBe short.",
        ),
        ("Translate.\n\n(1)\nInput: a\nOutput: b\n\n(2)\nInput: c\nOutput: d", "Translate."),
        ("Translate.\n\nUser: {text}\nAssistant:", "Translate."),
        (
            (
                "Translate.\n\n<examples>\n<example>\n<input>a</input>\n<output>b</output>\n"
                "</example>\n</examples>"
            ),
            "Translate.",
        ),
    ],
)
def test_the_instruction_is_the_rest(text, instruction):
    assert parsed(text).instruction == instruction


LABELLED = (
    "Route the message.\n\n## Labels\n\n- **a b**: the first\n- `c` - the second\n  goes on\n- d "
    "(third)\n\nThat is all.\n\n"
)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (LABELLED, ("a b", "c", "d")),
        (LABELLED + 'input="x"\noutput="c"\n', ("a b", "c", "d")),
        (LABELLED + 'input="x"\noutput="c, d"\n\ninput="y"\noutput="c"\n', ()),
        (LABELLED + 'input="x"\noutput="something else"\n', ()),
        ("Route it.\n\nLabels: x, y; z\n", ("x", "y", "z")),
        ("Route it.\n\n**Possible categories:**\n1. x\n2. y\n", ("x", "y")),
        (
            (
                'Classify the review as positive, negative or neutral.\n\ninput="a"\n'
                'output="positive"\n\ninput="b"\noutput="negative"\n'
            ),
            ("positive", "negative", "neutral"),
        ),
        (
            (
                'Answer "yes", "no" or "not sure".\n\ninput="a"\noutput="yes"\n\ninput="b"\n'
                'output="not sure"\n'
            ),
            ("yes", "no", "not sure"),
        ),
        (
            (
                'Choose one of: red, green, blue\n\ninput="a"\noutput="red"\n\ninput="b"\n'
                'output="blue"\n'
            ),
            ("red", "green", "blue"),
        ),
        (
            (
                'Say whether it is true or false.\n\ninput="a"\noutput="true"\n\ninput="b"\n'
                'output="false"\n'
            ),
            ("true", "false"),
        ),
        (
            (
                'Output the month, such as January, March or May.\n\ninput="a"\noutput="May"\n\n'
                'input="b"\noutput="March"\n'
            ),
            (),
        ),
        ('Classify as x, y or z.\n\ninput="a"\noutput="x"\n', ()),
        (
            (
                'Name the capital or the river.\n\ninput="a"\noutput="Paris"\n\ninput="b"\n'
                'output="Seine"\n'
            ),
            (),
        ),
        (
            "Sort the tweet.\n\nLabels: hateful, offensive, or neither",
            ("hateful", "offensive", "neither"),
        ),
        (
            "Sortiere den Satz.\n\nKategorien: gut, schlecht und neutral",
            ("gut", "schlecht", "neutral"),
        ),
        ("Route it.\n\nLabels: true or false.", ("true", "false")),
        ('Route it.\n\nLabels: ["a: b", "c, d", "e"]', ("a: b", "c, d", "e")),
        ("Route it.\n\nLabels: [a, b, c]", ("a", "b", "c")),
        ("Route it.\n\nLabels\u00a0: a, b", ("a", "b")),
        ("Route it.\n\nLabels:\n- U.S.\n- U.K.\n- other.\n", ("U.S.", "U.K.", "other")),
        ("Route it.\n\nLabels: customer service, sales and returns department", ()),
        (
            (
                'Route it.\n\nLabels: sales, research and development\n\ninput="a"\n'
                'output="research '
                'and development"'
            ),
            ("sales", "research and development"),
        ),
        ("Label each tweet as hateful, offensive, or neither.", ()),
        (
            (
                "Label the tweet as hateful, offensive, or neither.\n\nInput: a\nOutput: "
                "hateful\n\n"
                "Input: b\nOutput: offensive"
            ),
            ("hateful", "offensive", "neither"),
        ),
        ("Tag the word.\n\nLabel: one word, lower case", ()),
        ("Tag the word.\n\nLabels: one word, lower case", ()),
        ("Tag the word.\n\nLabels: such as noun, verb", ()),
        (
            (
                "Give all topics.\n\nText: a\nLabels: sport, weather\n\nText: b\nLabels: politics, "
                "money"
            ),
            (),
        ),
        ("Categories help readers, writers and editors.", ()),
        ("Labels are assigned by experts, editors or writers.", ()),
        ("Route it.\n\nLabels: the team that should answer, the urgency", ()),
        ("Route it.\n\nLabels: separate with commas, write each once", ()),
        ("Route it.\n\nLabels: good, bad,\nneither", ("good", "bad", "neither")),
        ("Route it.\n\nLabels: good, bad\nor neither\n", ("good", "bad", "neither")),
        ("Route it.\n\nLabels: good, bad. If unsure, answer neither.", ()),
        ("Route it.\n\nLabels: good, bad\n\nIf unsure, answer neither.", ()),
        (
            "Route it.\n\nLabels: good, bad, neither\n\nIf unsure, answer neither.",
            ("good", "bad", "neither"),
        ),
        ("Say yes or no. Use unknown when in doubt.\n\nQ: a\nA: yes\n\nQ: b\nA: no", ()),
        ("Route it.\n\nLabels: TCP/IP, UDP", ("TCP/IP", "UDP")),
        ("Route it.\n\nLabels: yes / no / N/A", ("yes", "no", "N/A")),
        (
            "Route it.\n\nLabels: sales, support, and research and development",
            ("sales", "support", "research and development"),
        ),
        ("Route it.\n\nLabels: ['one, two', 'three']", ("one, two", "three")),
        ("Route it.\n\nLabels: urgent (today, now), later", ("urgent", "later")),
        ("Route it.\n\nLabels: {good, bad}", ("good", "bad")),
        ("Route it.\n\nLabels:\ngood\nbad\n\nThat is all.", ("good", "bad")),
        ("Route it.\n\nLabels:\ngood, bad\n", ("good", "bad")),
        ("Route it.\n\n## Labels\n\nUse one of these:\n\n- good\n- bad\n", ("good", "bad")),
        ('Route it.\n\nLabels:\n- "not sure": in doubt\n- `yes`\n', ("not sure", "yes")),
        ("Route it.\n\n## Labels\n- Use lower case\n- One per line\n", ()),
        ("Route it.\n\nCategories:\n- Money\n  - Banks\n- Sport\n", ()),
        ("Route it.\n\nLabels: news, world politics; weather", ()),
        ("Trie.\n\nÉtiquettes\u00a0: bon, mauvais ou neutre", ("bon", "mauvais", "neutre")),
        ("Ordena.\n\nEtiquetas: bueno, malo o neutro", ("bueno", "malo", "neutro")),
        ("Разбери.\n\nМетки: хорошо, плохо или никак", ("хорошо", "плохо", "никак")),
        ("分ける。\n\nラベル：良い、悪い、または普通", ("良い", "悪い", "普通")),
        ("分类。\n\n标签：正面、负面或中性", ("正面", "负面", "中性")),
        ("나눠.\n\n레이블: 긍정, 부정 또는 중립", ("긍정", "부정", "중립")),
        ('Route it.\n\nLabels: US, us\n\ninput="a"\noutput="us"', ("US", "us")),
    ],
)
def test_labels_are_those_that_the_prompt_plainly_lists(text, labels):
    assert parsed(text).labels == labels


PIECES = [
    'input="',
    'output="',
    '"',
    "'",
    "\n",
    "\n\n",
    " ",
    "Input: ",
    "Output: ",
    "| input | output |",
    "|---|---|",
    "| a | b |",
    "```",
    "## Examples",
    "- ",
]
PIECES += ["Labels:", "{", '{"input": "a", "output": "b"}', "a", "one of: a, b or c", ":", "\\"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_whatever_a_prompt_says_it_makes_a_task_or_an_error_that_is_the_users(pieces):
    try:
        task = parsed("".join(pieces))
    except InputError:
        return
    assert task.instruction
    assert all(d.input.strip() and d.output.strip() for d in task.demonstrations)


@pytest.mark.parametrize(
    "text",
    [
        'x = "' * 20_000,
        'input="a"' + " " * 20_000,
        "Input: a\n" * 5_000,
        "|" * 20_000,
        "a, " * 20_000,
        '{"input": ' * 5_000,
        "`" * 50_000,
        "```\n" * 10_000,
        "example: " * 10_000,
        " " * 50_000,
        "Labels:\n" * 10_000,
        "<a>x</a>" + " " * 50_000 + "<b>y</b>",
        'Labels: "a"' + " " * 50_000 + '"b"',
        '"a" -> ' * 10_000,
        "Labels: " + '"a" or ' * 10_000,
    ],
)
def test_a_long_and_strange_prompt_takes_no_more_than_seconds(text):
    started = time.process_time()
    with contextlib.suppress(InputError):
        parsed(f"Answer one of:\n\n{text}")
    assert time.process_time() - started < 5


def test_languages_are_those_of_the_demonstrations():
    task = parsed(
        'Write Python.\n\ninput="Zähle die Wörter, die in der Liste sind."\n'
        'output="len(words.split())"'
    )
    assert (task.input_language, task.output_language) == ("de", "code")
    task = parsed(
        'Translate.\n\ninput="Where is the parcel?"\noutput="Où est le colis que je vous ai dit ?"'
    )
    assert (task.input_language, task.output_language) == ("en", "fr")
    assert (parsed("Translate.").input_language, parsed("Translate.").output_language) == (
        "und",
        "und",
    )


def test_demonstrations_beside_the_prompt_come_after_those_inside_and_each_once():
    task = parsed(
        'Do.\n\ninput="a"\noutput="b"\n\ninput="a"\noutput="b"',
        [Example("c", "d", "prompt"), Example("a ", "b", "prompt")],
    )
    assert list(task.demonstrations) == [Example("a", "b", "prompt"), Example("c", "d", "prompt")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '## Instruction\n\n## Examples\n\ninput="a"\noutput="b"',
            (
                "prompt: has no instruction: nothing stands beside its demonstrations; say "
                "what the input is and what the output shall be,"
                " for example under a heading '## Instruction'"
            ),
        ),
        (
            'Do.\n\ninput="a"\n\ninput="b"\noutput="c"',
            'prompt, line 3: input=... is not followed by its output="..."',
        ),
        (
            'Do.\n\ninput="a"\noutput="b and so on',
            'prompt, line 4: output="... is not closed by " at the end of a line',
        ),
        (
            "Do.\n\nInput: a\n\nInput: b\nOutput: c",
            "prompt, line 3: 'Input:' has no output after it",
        ),
        (
            "Do.\n\n| Input | Output |\n|---|---|\n| a | b | c |",
            (
                "prompt, line 5: the row has 3 cells where the table's head has 2; write \\| for a"
                " bar inside a cell"
            ),
        ),
        (
            'Do.\n\n{"input": "a" "output": "b"}',
            "prompt, line 3: broken JSON: Expecting ',' delimiter",
        ),
        (
            'Do.\n\n{"input": "a", "output": {"b": 1}}',
            (
                "prompt, line 3: 'output' must be text, got {'b': '1'}; several accepted answers go"
                " into 'outputs'"
            ),
        ),
        (
            "Do.\n\nInput: a\nOutput:\n\n---\n\nb",
            "prompt, line 3: a demonstration has an empty output",
        ),
        ('Do.\n\ninput=""\noutput="b"', "prompt, line 3: a demonstration has an empty input"),
        ('Do.\n\ninput="a"\noutput=" "', "prompt, line 3: a demonstration has an empty output"),
        (
            'Do.\n\ninput="a"\noutput="b"\n\ninput="a"\noutput="c"',
            (
                "prompt: line 6 contradicts line 3: the input 'a' has the outputs 'b' and 'c'; "
                "keep the right one"
            ),
        ),
        (
            LABELLED + 'input="x"\noutput="c"\n\ninput="y"\noutput="a bb"',
            (
                "prompt: a demonstration has the output 'a bb', which is not one of the labels a "
                "b, c, d (did you mean 'a b'?)"
            ),
        ),
    ],
)
def test_a_prompt_that_makes_no_task_is_told(text, message):
    assert told(text) == message


def test_an_output_is_written_as_the_label_that_it_means():
    task = parsed('Do.\n\nLabels: Café, tea\n\ninput="a"\noutput="cafe\u0301"')
    assert task.demonstrations == [Example("a", "Café", "prompt")]


def test_an_output_that_is_none_of_the_labels_given_as_data_is_told():
    with pytest.raises(
        InputError, match=r"has the output 'c', which is not one of the labels a, b"
    ):
        Sections().run(Prompt('Do.\n\ninput="x"\noutput="c"', labels=("a", "b")), None)


def test_a_demonstration_beside_the_prompt_that_contradicts_one_inside_is_told():
    assert told('Do.\n\ninput="a"\noutput="b"', [Example("a", "c", "prompt")]) == (
        "prompt: demonstration 1 of the file beside it contradicts line 3: the input 'a' has "
        "the outputs 'b' and 'c'; keep the right one"
    )


@pytest.mark.parametrize(
    ("name", "n", "first", "last", "languages"),
    [
        ("question_answering", 3, "Santa Clara", "Europe", ("en", "und")),
        ("temporal_expression_normalization", 12, "last year == 1997", "N/A", ("en", "en")),
        (
            "japanese_to_python_generation",
            6,
            "for line in stdin: a = line.rstrip().split(' ') print(a)",
            "f = open('test.html', 'w') f.write(text.encode('utf-8'))",
            ("ja", "code"),
        ),
    ],
)
def test_the_papers_prompts_give_their_demonstrations_word_for_word(
    shared, name, n, first, last, languages
):
    text = (shared / "paper" / "prompts" / f"{name}.txt").read_text(encoding="utf-8")
    task = parsed(text)
    assert (
        len(task.demonstrations),
        task.demonstrations[0].output,
        task.demonstrations[-1].output,
    ) == (n, first, last)
    assert (task.input_language, task.output_language) == languages
    assert task.labels == ()
    for shown in task.demonstrations:  # written out again, each is a part of the prompt
        assert f'input="{shown.input}"\noutput="{shown.output}"' in text
    assert text.startswith(task.instruction)
    assert 'input="' not in task.instruction


@pytest.mark.parametrize(("name", "labels"), [("dates", 0), ("tickets", 9)])
def test_the_bundled_prompts_are_read_whole(name, labels):
    from p2m.config import ROOT

    task = parsed((ROOT / "experiments" / name / "prompt.md").read_text(encoding="utf-8"))
    assert len(task.demonstrations) >= 5
    assert len(task.labels) == labels
    assert task.input_language == "en"
    assert "input=" not in task.instruction
    assert not task.instruction.startswith("#")


def test_labels_given_as_data_that_outputs_hold_several_of_raise_a_doubt():
    prompt = Prompt('Do.\n\ninput="x"\noutput="a, b"', labels=("a", "b"))
    task = Sections().run(prompt, None)
    assert task.labels == ()
    assert task.doubts == (
        "labels are no closed set here, as outputs of the demonstrations hold several",
    )


@pytest.mark.parametrize(
    "text",
    [
        '"at half past six" -> 6:30\n"nine o\'clock" -> 9:00',
        'Input: "at half past six"\nOutput: 6:30\n\nInput: "nine o\'clock"\nOutput: 9:00',
    ],
)
def test_quotes_around_every_input_are_no_part_of_it(text):
    assert pairs(f"Say when.\n\n{text}") == [("at half past six", "6:30"), ("nine o'clock", "9:00")]


def test_quotes_around_outputs_alone_stay():
    text = 'Write JSON.\n\nInput: a\nOutput: "b"\n\nInput: c\nOutput: "d"'
    assert pairs(text) == [("a", '"b"'), ("c", '"d"')]


@pytest.mark.parametrize("name", ["Abteilungen:", "Departments are", "部署："])
def test_a_list_under_a_word_of_its_own_is_the_set_where_it_holds_every_output(name):
    listing = f"{name} Rechnung, Lieferung, Kündigung"
    examples = "Input: a\nOutput: Rechnung\n\nInput: b\nOutput: Lieferung"
    task = parsed(f"Sort the mail.\n\n{listing}\n\n{examples}")
    assert task.labels == ("Rechnung", "Lieferung", "Kündigung")


REVIEWS = "{0}: very good\n{1}: positive\n\n{0}: never again\n{1}: negative\n"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (
            "Sentiment: positive, negative, neutral\n\n" + REVIEWS.format("Review", "Sentiment"),
            ("positive", "negative", "neutral"),
        ),
        (
            "Sentiment: positive, negative\n"
            + REVIEWS.format("Review", "Sentiment").replace("\n\n", "\n"),
            ("positive", "negative"),
        ),
        (
            "Mood: positive, negative\n\n" + REVIEWS.format("Diary", "Mood"),
            ("positive", "negative"),
        ),
        (
            "感情：positive、negative\n\n" + REVIEWS.format("レビュー", "感情"),
            ("positive", "negative"),
        ),
        ("Mood: one word\n\n" + REVIEWS.format("Diary", "Mood") + "\nDiary: a\nMood:", ()),
        (REVIEWS.format("Diary", "Mood") + "\nDiary: who knows\n", ()),
        (REVIEWS.format("Diary", "Mood").replace("\n", "\n\n"), ()),
    ],
)
def test_the_word_of_the_outputs_may_stand_before_the_first_input(text, labels):
    task = parsed(f"Judge.\n\n{text}")
    demonstrations = [(d.input, d.output) for d in task.demonstrations]
    assert demonstrations == [("very good", "positive"), ("never again", "negative")]
    assert task.labels == labels


def test_of_three_words_the_last_may_stand_before_the_first_too():
    rounds = "Fact: {0}\nGuess: is a?\nVerdict: {1}\n\n".format
    text = f"Answer.\n\nVerdict: yes, no\n\n{rounds('x', 'yes')}{rounds('y', 'no')}"
    assert pairs(text) == [("Fact: x\nGuess: is a?", "yes"), ("Fact: y\nGuess: is a?", "no")]


def test_nothing_of_a_json_object_around_examples_stays_in_the_instruction():
    text = 'Do.\n\n```json\n{"examples": [{"text": "a", "label": 3}]}\n```'
    task = parsed(text)
    assert [(d.input, d.output) for d in task.demonstrations] == [("a", "3")]
    assert task.instruction == "Do."


def test_a_dictionary_as_python_writes_it_is_doubted():
    line = "{'input': 'a', 'output': 'b'}"
    (doubt,) = parsed(f"Do.\n\n{line}").doubts
    assert doubt == f"line 3, '{line}', looks like a demonstration and is read as instruction"
