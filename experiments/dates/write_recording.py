"""Writes the recording that prompt=dates brings along.

python experiments/dates/write_recording.py experiments/dates/recording.jsonl.xz
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from experiments._grammar.write import Grammar, main
from experiments.dates.grammar import dates

GRAMMAR = Grammar(
    prompt="dates",
    example=dates.example,
    wrong=dates.wrong,
    columns={"calendar_requests.jsonl": {"input": ["message"], "output": "when"}},
    card="Text-to-text model that normalises English date and time expressions. Given a reference"
    " date and an informal phrase such as 'next friday at 3pm', it generates the date or time in"
    " ISO 8601 form. A sequence-to-sequence encoder-decoder, fine-tuned for "
    "temporal expression normalisation; works on short, noisy text at character level.",
)

if __name__ == "__main__":
    main(GRAMMAR, answers=4600, examples=25)
