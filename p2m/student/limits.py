"""How many tokens of an input and of an answer a student takes."""

from p2m.errors import UserError

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


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
