"""How many tokens of an input and of an answer a student takes, and which it can write."""

from p2m.errors import UserError
from p2m.student.build import LoadedModel

# tokens, where no setting says another number; an instruction around the input not counted
MOST_INPUT, MOST_OUTPUT = 1024, 512


def find_limits(
    longest: tuple[int, int],
    wanted: tuple[int | None, int | None],
    fixed: int,
    positions: int | None,
    is_causal: bool,
) -> tuple[int, int]:
    """max_input and max_output.

    longest: tokens of the longest input and of the longest answer.  Where none is wanted: twice
    the longest input, a quarter beyond the longest answer, as what comes may be longer.
    fixed: tokens that stand around every input.  positions: what the model can read, which input
    and answer share where it is causal.
    """
    most_input, most_output = wanted
    if most_input is None:
        most_input = min(MOST_INPUT + fixed, _up(2 * longest[0], 64))
    if most_output is None:
        most_output = min(MOST_OUTPUT, _up(5 * longest[1], 32) // 4)
    if longest[1] == 1:  # a label
        most_output = 1
    if positions:
        most_output = min(most_output, positions)
        left = max(1, positions - most_output) if is_causal else positions
        if wanted[0] is not None and most_input > left:
            raise UserError(
                f"trainer.max_input: of this student's {positions} positions, answers take up to"
                f" {most_output}, got {most_input}; set {left} or less, or auto"
            )
        most_input = min(most_input, left)
    check_room(most_input, fixed, longest[0] - fixed, is_causal)
    return most_input, most_output


def check_room(most: int, fixed: int, wanted: int, is_causal: bool) -> None:
    """UserError where the *fixed* tokens around each input leave too few of *most*.

    wanted: tokens of the longest input's own.
    """
    if most - fixed >= min(fixed, wanted / 2):
        return
    message = (
        f"trainer.max_input: of {most} tokens, what stands before and after each input takes"
        f" {fixed}, which leaves too little room for inputs of {wanted}; set"
        " processor.instruction=never, or a larger trainer.max_input if the student can read more"
    )
    if is_causal:
        message += ", or a smaller trainer.max_output"
    raise UserError(message)


def lost_share(answers: list[str], loaded: LoadedModel) -> float:
    """The share of *answers* that do not come back from the tokenizer as they went in.

    UserError where more than half of them lose more than blanks and line ends: the vocabulary of
    T5 has neither these nor braces.
    """
    if loaded.kind == "encoder":  # which chooses
        return 0.0
    tokens = loaded.tokenizer.encode(answers).without_end()
    back = loaded.tokenizer.decode([tokens[i].tolist() for i in range(len(answers))])
    changed, spoilt = 0, []
    for answer, decoded in zip(answers, back, strict=True):
        changed += answer != decoded.strip()
        if answer.split() != decoded.split():
            spoilt.append((answer[:60], decoded[:60]))
    if 2 * len(spoilt) > len(answers):
        answer, decoded = spoilt[0]
        raise UserError(
            f"model: the student's tokenizer cannot write {len(spoilt)} of {len(answers)} training"
            f" answers that were looked at, such as {answer!r}, of which it makes {decoded!r}; take"
            " a student that reads bytes, such as model=byt5_small or model=byt5_nano"
        )
    return changed / len(answers)


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
