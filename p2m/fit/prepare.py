"""A plan made ready to train: the student as settings change it, and the examples as tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch

from p2m.artifacts import Example, ExampleFile, Student
from p2m.errors import UserError
from p2m.fit import distributed
from p2m.fit.data import Data, Pairs, tokenize
from p2m.fit.place import Place, find_place
from p2m.fit.plan import Plan
from p2m.fit.sampling import sampling_weights
from p2m.fit.votes import read_examples
from p2m.student import _t5, build
from p2m.student._head import start_from_probe
from p2m.student.build import LoadedModel
from p2m.student.limits import find_limits, lost_share
from p2m.student.tokenizer import learn
from p2m.student.tokens import Tokenizer

LEARNT_FROM = 100_000  # examples, from which pieces are learnt; more change them little
LOOKED_AT = 1000  # answers, to see whether the student's tokenizer can write them


@dataclass(frozen=True)
class Prepared:
    """loaded: with all that is trained.  train, valid: the examples behind data's pairs."""

    loaded: LoadedModel
    student: Student
    data: Data
    train: Sequence[Example]
    valid: Sequence[Example]


def prepare(folder: Path, plan: Plan) -> Prepared:
    """Raises UserError where the plan fits neither the examples nor this machine."""
    # 1) the examples
    sampling = plan.sampling
    train = read_examples(plan.train, plan.overfit, sampling.soft_votes)
    valid: Sequence[Example] = ExampleFile(plan.valid)
    if plan.overfit:
        valid = read_examples(plan.train, plan.overfit, False)
    valid = spread(valid, plan.valid_examples)
    # 2) the student
    labels = plan.labels if plan.choice.kind == "encoder" else ()
    loaded = build.fresh(plan.choice, plan.seed, _learn_tokenizer(plan, train), labels)
    if plan.residual_dropout is not None:
        _t5.set_residual_dropout(loaded.model, plan.residual_dropout)
    # 3) where it trains
    place = _take_place(plan, len(train))
    # 4) the examples as tokens
    tokens = folder / "tokens" / str(distributed.rank())
    tokens.mkdir(parents=True, exist_ok=True)
    train_pairs, valid_pairs = _pairs(plan, loaded, train, valid, tokens)
    lost = lost_share([row.output for row in spread(train, LOOKED_AT)], loaded)
    choice, (prefix, suffix) = plan.choice, plan.template
    limits = (train_pairs.max_input, train_pairs.max_output)
    about = (choice.base, choice.kind, prefix, *limits, suffix, labels, train_pairs.cut, lost)
    student = Student(folder, *about)
    data = Data(train_pairs, valid_pairs, plan, place, sampling_weights(train, sampling))
    if labels and choice.base != "scratch":
        start_from_probe(loaded, data.some(train_pairs), place.device)
    return Prepared(_choose_weights(loaded, plan), student, data, train, valid)


def spread(rows: Sequence[Example], most: int) -> list[Example]:
    """At most so many of *rows*, evenly spread: a file may be sorted."""
    n = min(len(rows), most)
    return [rows[i * len(rows) // n] for i in range(n)]


def _learn_tokenizer(plan: Plan, rows: Sequence[Example]) -> Tokenizer | None:
    """One for the training examples; None where the base has its own."""
    if not plan.choice.pieces:
        return None
    before, after = plan.template
    texts = []
    for row in islice(rows, LEARNT_FROM):
        texts += [before + row.input + after, row.output]
    return learn(texts, plan.choice.pieces)


def _take_place(plan: Plan, n: int) -> Place:
    """Where this process trains on *n* examples, its threads set.

    UserError where a launcher started other processes than the plan has.
    """
    # a pass is split evenly, so batches may be smaller than batch_size
    smallest_batch = n // -(-n // plan.batch_size)
    place = find_place(plan, smallest_batch)
    if distributed.world() not in {None, place.processes}:
        raise UserError(
            f"trainer.parallel.launch: the launcher started {distributed.world()} processes, and"
            f" trainer.parallel.devices={place.devices} on trainer.parallel.nodes={place.nodes} are"
            f" {place.processes}; set both to what it starts, and trainer.parallel.strategy to ddp"
            " or fsdp"
        )
    # decides in which order sums are made, and so their last bits
    torch.set_num_threads(place.threads)
    return place


def _pairs(
    plan: Plan,
    loaded: LoadedModel,
    train: Sequence[Example],
    valid: Sequence[Example],
    folder: Path,
) -> tuple[Pairs, Pairs]:
    """Training and validation examples as tokens, in files in *folder*."""
    inputs, outputs = tokenize(train, plan.template, loaded, folder / "train")
    closing = loaded.end_ids(plan.template[1])
    before = loaded.tokenizer.encode([plan.template[0]]).without_end()
    limits = find_limits(
        longest=(int(inputs.lengths.max()), int(outputs.lengths.max())),
        wanted=(plan.max_input, plan.max_output),
        fixed=int(before.lengths[0]) + len(closing),
        positions=build.positions(loaded.model),
        is_causal=loaded.is_causal,
    )
    pairs = Pairs(inputs, outputs, *limits, loaded.tokenizer, closing, loaded.is_causal)
    inputs, outputs = tokenize(valid, plan.template, loaded, folder / "valid")
    return pairs, replace(pairs, inputs=inputs, outputs=outputs)


def _choose_weights(loaded: LoadedModel, plan: Plan) -> LoadedModel:
    """With what is not trained frozen, and with adapters where they are trained instead."""
    if plan.freeze:
        for name, weight in loaded.model.named_parameters():
            weight.requires_grad_(not name.startswith(plan.freeze))
    if plan.lora_rank:
        from p2m.student.lora import add_adapters

        loaded = add_adapters(loaded, plan.lora_rank)
    if plan.gradient_checkpointing:
        loaded.model.activation_checkpointing_enable()
    return loaded
