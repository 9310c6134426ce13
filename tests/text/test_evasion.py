from p2m.text.evasion import find_echo, is_refusal

PROMPT = (
    "Write an example for a task that turns the name of a colour into its code, please, as JSON."
)


def test_refusal_is_known_by_its_beginning() -> None:
    assert is_refusal("I’m sorry, but I can’t do that.")
    assert is_refusal('  "As an AI, I have no colour.')
    assert not is_refusal("The sorry state of colours: I cannot count them.")


def test_echo_is_found_both_ways_and_not_in_short_texts() -> None:
    assert find_echo(f"Here: {PROMPT}", [PROMPT]) == "it repeats the prompt"
    assert find_echo(PROMPT[:85], [PROMPT]) == "it is a part of the prompt"
    assert find_echo("the name of a colour", [PROMPT]) is None
