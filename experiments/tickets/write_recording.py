"""Writes the grammar's recording for prompt=tickets.

python experiments/tickets/write_recording.py experiments/tickets/recording.jsonl.xz
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from experiments._grammar.write import Grammar, main
from experiments.tickets.grammar import tickets

GRAMMAR = Grammar(
    prompt="tickets",
    example=tickets.example,
    wrong=tickets.wrong,
    columns={"shop_mails.jsonl": {"input": ["text"], "output": "team"}},
    card="Text-to-text model for customer support: intent classification and ticket routing of"
    " short English messages to one of a closed set of labels (billing, refund, shipping, login,"
    " cancellation, bug, how to, feature request, other). Instruction-tuned "
    "encoder-decoder, robust to typos and informal language.",
)

if __name__ == "__main__":
    main(GRAMMAR, answers=1300, examples=5)
