"""Every `auto` of the settings, settled in one place from the student and the examples.

What the machine decides (device, processes, threads) is left to the process that trains there.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p2m.artifacts import Choice, Example, ExampleFile, Splits, write_rows
from p2m.components import describe
from p2m.fit.plan import Plan, Updates
from p2m.fit.votes import read_examples
from p2m.trainer._preflight import BATCH, BY_LABELS, T5, check
from p2m.trainer._settings import Settings

# the highest learning rate for AdamW on every weight of a published student
RATES = {
    "t5": 3e-4,  # transformers' page on T5: 1e-4 to 3e-4
    "mt5": 3e-4,
    "bart": 3e-5,  # fairseq's own fine-tuning of BART on summaries
    "bert": 5e-5,  # Devlin et al. 2019, appendix A.3: 2e-5 to 5e-5
    "modernbert": 5e-5,  # Warner et al. 2024, among 1e-5 to 8e-5 of their search
    "distilbert": 5e-5,  # as BERT, whose layers it has
    "roberta": 3e-5,  # Liu et al. 2019, appendix C: 1e-5 to 3e-5
    "xlm-roberta": 3e-5,  # as RoBERTa
    "mpnet": 3e-5,  # Song et al. 2020, appendix: 1e-5 to 3e-5
    "deberta-v2": 3e-5,  # He et al. 2021, appendix A.5: 1.5e-5 to 4e-5
    "llama": 3e-4,  # SmolLM2's own fine-tuning of 1.7B
    "gemma3_text": 5e-5,  # Google's own guide to fine-tuning the one of 270M
    "mistral": 2e-5,  # trl's default for supervised fine-tuning
    "qwen2": 2e-5,
    "qwen3": 2e-5,
}
# of a Llama of up to so many parameters: SmolLM2's own fine-tuning of 135M and 360M, 1e-3 with
# batches of 128; half with 32 (Malladi et al. 2022)
SMALL_LLAMA, RATE_OF_SMALL_LLAMA = 5e8, 5e-4
# for random weights.  Muon on French words and on dates, 1 M: 3e-3 learns slower, 1.2e-2 no better,
# 2e-2 fails; 8 M: 3e-3 better than 1.5e-3, 5e-3 and 8e-3; T5s, whose rates decoder-only students
# take over untried.  AdamW on dates, 1 M: at 2e-3 the student reached 39 % instead of 95 %.
# Adafactor's is relative to the size of the weights, as in Shazeer & Stern 2018.
SCRATCH_RATES = {"muon": 3e-3, "adafactor": 1e-2, "adamw": 1e-3}
SMALL, MUON_RATE_OF_SMALL = 4e6, 8e-3
ADAFACTOR_RATE = 1e-3  # relative likewise, as Raffel et al. 2020 fine-tuned T5
FOR_ADAPTERS = 10  # times the rate for every weight: Schulman et al. 2025, "LoRA Without Regret"
MOST_FOR_ADAPTERS = 1e-3  # what peft's own examples use on T5 kinds
# with more passes than so many.  By trials with a 1 M student (experiments/published): over 800 and
# 1,000 examples, 100 passes and more, 0.3 did better than 0.1 by some ten points; over 8,000 French
# words, 25 passes, 0.2 differed less from seed to seed than 0.1.  Without any, 33,000 English words
# were learnt by heart after eight passes.  On 20,000 dates, seen once, 0.1 cost two points.
DROPOUT = ((40, 0.3), (20, 0.2), (4, 0.1))
# passes; with more, examples come two by two in half of the steps, which helps small sets
# (experiments/published)
MANY = 20
# of a published student that writes: three are often too few (Zhang et al. 2021, arXiv 2006.05987),
# twenty steady (Mosbach et al. 2021, arXiv 2006.04884); `patience` ends them once they gain nothing
PASSES, PATIENCE = 10, 5
# examples that such a student sees at least, in a hundred passes at most: fewer than a hundred
# updates hardly move it
LEAST, MOST_PASSES = 3000, 100
# of a published student that chooses, whose head knows the task from the start: so many times the
# root of the examples, and two passes at least (experiments/label_students)
PER_ROOT, LEAST_PASSES = 150, 2
# a rate of RATES for an encoder is for BERT base's width; narrower ones take higher ones
# (experiments/label_students: MiniLM, 384 wide)
WIDTH = 768
# passes over few examples from scratch: 100 of them need no 2,000
MOST_PASSES_FROM_SCRATCH = 400
# validation examples with fewer of which the last weights are as good a guess as the best ones
FEW = 30
VALIDATIONS = 20  # looks at the validation set in all cost less than a tenth of the time


def make_plan(settings: Settings, choice: Choice, splits: Splits, folder: Path) -> Plan:
    """The plan for training on *splits*; rows that no file holds are written to *folder*.

    Raises UserError where a setting fits neither the student nor the task.
    """
    outline = check(settings, choice, splits.labels, len(splits.valid) > 0)
    architecture, is_scratch = outline.config.model_type, choice.base == "scratch"
    # one that chooses trains shortly: its first validations fall into the warm-up
    is_long = not is_scratch and choice.kind != "encoder"
    n = len(read_examples(splits.train, settings.overfit, settings.sampling.soft_votes))
    examples = _or(settings.max_examples, _enough(n, choice))
    batch_size, steps, valid_every = _length(settings, n, examples, _looks(splits, choice))
    # few examples of overfit are to be learnt by heart
    passes = 0 if settings.overfit else examples / n
    dropout, concatenate = None, 0.0
    if is_scratch and architecture in T5:
        dropout = next((share for most, share in DROPOUT if passes > most), 0.0)
        concatenate = 0.5 if passes > MANY else 0.0
    return Plan(
        choice=choice,
        labels=splits.labels,
        template=(splits.prefix, splits.suffix),
        train=_file(splits.train, folder / "train.jsonl"),
        valid=_file(splits.valid, folder / "valid.jsonl"),
        overfit=settings.overfit,
        sampling=settings.sampling,
        max_input=_or(settings.max_input, None),
        max_output=_or(settings.max_output, None),
        freeze=tuple(settings.freeze),
        lora_rank=settings.lora_rank,
        residual_dropout=_or(settings.residual_dropout, dropout),
        concatenate=_or(settings.concatenate, concatenate),
        seed=settings.seed,
        steps=steps,
        max_minutes=settings.max_minutes,
        batch_size=batch_size,
        max_tokens=settings.max_tokens,
        gradient_checkpointing=settings.gradient_checkpointing,
        compile=settings.compile,
        updates=_updates(settings, choice, outline, steps),
        valid_every=valid_every,
        valid_examples=settings.valid_examples,
        select=settings.select,
        scorer=None if settings.select in BY_LABELS else describe(settings.scorer),
        patience=_or(settings.patience, PATIENCE if is_long else None),
        precision=settings.precision,
        device=settings.device,
        parallel=settings.parallel,
        checkpoint_s=_or(settings.checkpoint_s, None),
    )


def _length(settings: Settings, n: int, examples: int, looks: int) -> tuple[int, int, int]:
    """batch_size, steps and steps between two validations, for so many *examples* out of *n*."""
    batch_size = min(_or(settings.batch_size, BATCH), n)
    # a pass is split evenly, so batches may be smaller than batch_size
    per_pass = math.ceil(n / batch_size)
    steps = max(1, math.ceil(examples * per_pass / n))
    if settings.valid_every == "auto":
        return batch_size, steps, math.ceil(steps / looks)
    return batch_size, steps, min(steps, math.ceil(settings.valid_every * per_pass / n))


def _updates(settings: Settings, choice: Choice, outline: Any, steps: int) -> Updates:
    asked, is_scratch = settings.optimizer, choice.base == "scratch"
    usual = "muon" if is_scratch and settings.parallel.strategy != "fsdp" else "adamw"
    name = _or(asked.name, usual)
    rate = _rate(name, choice, outline, settings.lora_rank is not None)
    return Updates(
        optimizer=name,
        adjust_lr_fn="original" if is_scratch else "match_rms_adamw",
        lr=_or(asked.lr, rate),
        schedule=asked.schedule,
        warmup_steps=min(asked.warmup_steps, steps // 10),
        weight_decay=asked.weight_decay,
        clip=asked.clip,
    )


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value == "auto" else value


def _looks(splits: Splits, choice: Choice) -> int:
    """Validations in all, where no setting says how often."""
    few = len(splits.valid) < FEW and choice.base != "scratch"
    return 1 if few else VALIDATIONS


def _enough(n: int, choice: Choice) -> int:
    """Examples that a student sees of *n*.

    From scratch: 50 passes within 200,000 to 400,000 examples, and 18 passes at least.  By trials
    with a 1 M student (experiments/published): over 8,000 French words 50 passes instead of 25 made
    an error of a hundred less, over 33,000 English ones 18 instead of 12.  Most is learnt at the
    end, when the learning rate falls, so nothing ends it before.
    """
    if choice.base == "scratch":
        usual = max(18 * n, min(max(50 * n, 200_000), 400_000))
        return min(usual, MOST_PASSES_FROM_SCRATCH * n)
    if choice.kind == "encoder":
        return max(LEAST_PASSES * n, math.ceil(PER_ROOT * math.sqrt(n)))
    return max(PASSES * n, min(LEAST, MOST_PASSES * n))


def _rate(optimizer: str, choice: Choice, outline: Any, adapters: bool) -> float:
    """The highest learning rate of the schedule.  Of a published student Muon takes AdamW's."""
    architecture, parameters = outline.config.model_type, outline.num_parameters()
    if choice.base == "scratch":
        small = optimizer == "muon" and parameters <= SMALL
        return MUON_RATE_OF_SMALL if small else SCRATCH_RATES[optimizer]
    if optimizer == "adafactor":
        return ADAFACTOR_RATE
    rate = RATES[architecture]
    if architecture == "llama" and parameters <= SMALL_LLAMA:
        rate = RATE_OF_SMALL_LLAMA
    if choice.kind == "encoder":
        rate *= WIDTH / outline.config.hidden_size
    return min(FOR_ADAPTERS * rate, MOST_FOR_ADAPTERS) if adapters else rate


def _file(rows: Sequence[Example], path: Path) -> Path:
    """Where the training process can read *rows*: their own file, or *path*, written now."""
    if isinstance(rows, ExampleFile):
        return rows.path.resolve()
    write_rows(path, rows)
    return path.resolve()
