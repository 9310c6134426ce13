"""What is refused before anything is paid: settings that do not fit task or student."""

from collections.abc import Iterator, Sequence
from typing import Any

from p2m.artifacts import Choice, TaskSpec
from p2m.errors import UserError
from p2m.fit.plan import Parallel
from p2m.trainer._settings import Settings

# with it a 1 M student learns 20,000 dates to nine in ten in one pass, experiments/student_speed;
# Devlin et al. 2019: 16 or 32
BATCH = 32
# what labels tell of a validation, without an answer that is written
BY_LABELS = ("exact_match", "loss")
T5 = ("t5", "mt5")  # what residual_dropout and concatenate are for


def clashes(settings: Settings) -> Iterator[str]:
    """Settings that do not go together."""
    if settings.scorer is None and settings.select not in BY_LABELS:
        yield f"select={settings.select} is no metric: `p2m --help` lists those there are, and loss"
    if settings.lora_rank and settings.freeze:
        yield (
            "freeze has nothing to say with lora_rank, which freezes all but its adapters; set"
            " freeze=[]"
        )
    whole = ", ".join(_need_whole_weights(settings))
    if settings.parallel.strategy == "fsdp" and whole:
        yield f"parallel.strategy=fsdp works on parts of weights; with it set {whole}"
    yield from _need_launch(settings.parallel)


def _need_launch(parallel: Parallel) -> Iterator[str]:
    nodes = parallel.nodes
    if nodes > 1 and not parallel.launch:
        yield (
            f"parallel.nodes={nodes} needs parallel.launch, the words that start a process on each"
            f' machine, such as [srun,"--nodes={nodes}"]'
        )
    is_shared = parallel.strategy != "auto" or nodes > 1
    if parallel.launch and parallel.devices == "auto" and is_shared:
        yield (
            "parallel.devices=auto is not known where launch starts the processes; set it to how"
            " many it starts on each machine"
        )


def _need_whole_weights(settings: Settings) -> Iterator[str]:
    if settings.optimizer.name not in {"auto", "adamw"}:
        yield "optimizer.name=adamw"
    if settings.lora_rank:
        yield "lora_rank=null"
    if settings.select not in BY_LABELS:
        yield "select=exact_match"
    if settings.compile:
        yield "compile=false"


def preflight(
    settings: Settings,
    task: TaskSpec,
    choice: Choice,
    validated: bool,
    template: tuple[str, str],
) -> None:
    """Raises UserError for what can be known of a training before there are examples."""
    from p2m.fit.place import check_devices
    from p2m.student.tokenizer import of_base

    outline = check(settings, choice, task.labels, validated)
    if choice.base != "scratch":
        of_base(choice.base, choice.revision)  # which says what it lacks
    devices = settings.parallel.devices
    if devices != "auto":
        batch_size = BATCH if settings.batch_size == "auto" else settings.batch_size
        check_devices(devices, settings.parallel.nodes, batch_size)
    if template[0] and not choice.pieces:  # those are not learnt yet
        _check_room(settings, task, choice, template, outline)


def check(settings: Settings, choice: Choice, labels: Sequence[str], validated: bool) -> Any:
    """The student's outline.  Raises UserError where a setting does not fit it, or the task."""
    from p2m.student import build

    if not validated and not settings.overfit:
        _check_validation(settings)
    if settings.sampling.label_prior != 1 and not labels:
        raise UserError(
            "trainer.sampling.label_prior: this task's answers are no closed set of labels, so"
            " there is no prior to change; set it to 1"
        )
    outline = build.outline(choice, tuple(labels))
    architecture = outline.config.model_type
    for name in ("residual_dropout", "concatenate"):
        if getattr(settings, name) != "auto" and architecture not in T5:
            raise UserError(
                f"trainer.{name}: is for {' and '.join(T5)}, and this student is a {architecture};"
                " set it to auto"
            )
    positions = build.positions(outline)
    if positions:
        _check_positions(settings, positions, choice.kind == "decoder-only")
    _check_freeze(settings.freeze, [name for name, _ in outline.named_parameters()])
    return outline


def _check_validation(settings: Settings) -> None:
    if settings.select != "exact_match":
        name, value, usual = "select", settings.select, "exact_match"
    elif settings.patience not in {"auto", None}:
        name, value, usual = "patience", str(settings.patience), "auto"
    else:
        return
    raise UserError(
        f"trainer.{name}: {value} looks at a validation set, and there is none; give one"
        f" (prompt.valid=..., or processor.valid_share=0.05), or leave it at {usual}"
    )


def _check_positions(settings: Settings, positions: int, shared: bool) -> None:
    """Of max_input and max_output: a decoder-only student shares its positions between both."""
    wanted = {}
    for name in ("max_input", "max_output"):
        value = getattr(settings, name)
        if value == "auto":
            continue
        wanted[name] = value
        if value > positions:
            raise UserError(
                f"trainer.{name}: this student has {positions} positions, got {value}; set"
                f" {positions} or less, or auto"
            )
    if shared and sum(wanted.values()) > positions:
        both = " and ".join(f"{name}={value}" for name, value in wanted.items())
        raise UserError(
            f"trainer: this student has {positions} positions for input and output together, got"
            f" {both}; set one to auto"
        )


def _check_freeze(beginnings: Sequence[str], names: Sequence[str]) -> None:
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in names):
            known = ", ".join(sorted({name.split(".")[0] for name in names}))
            raise UserError(
                f"trainer.freeze: no weight of this student begins with '{beginning}'; the first"
                f" parts of their names are {known}"
            )
    if all(name.startswith(tuple(beginnings)) for name in names):
        raise UserError(f"trainer.freeze: {', '.join(beginnings)} leave no weight to train")


def _check_room(
    settings: Settings,
    task: TaskSpec,
    choice: Choice,
    template: tuple[str, str],
    outline: Any,
) -> None:
    """Whether the template leaves room for inputs like those of the prompt."""
    from p2m.student import build
    from p2m.student.limits import check_room
    from p2m.student.tokenizer import of_base

    limits = [n for n in (settings.max_input, build.positions(outline)) if isinstance(n, int)]
    if not limits:
        return
    texts = ["".join(template), *(example.input for example in task.demonstrations)]
    tokens = of_base(choice.base, choice.revision).encode(texts)
    # with an end token each, which an input has once
    fixed, *inputs = tokens.lengths.tolist()
    longest = min(inputs, default=2) - 1
    check_room(min(limits), fixed, longest, choice.kind == "decoder-only")
