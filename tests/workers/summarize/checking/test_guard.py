"""A model's sentence is refused if it states what was denied, or denies what was not."""

from __future__ import annotations

import pytest

from workers.summarize.checking.guard import keeps_negation

SAID = (
    "Well, the caretaker does not have a key for the north wing, so Otto waits outside.",
    "I'm not sure.",
    "We could take the blue cable.",
)


@pytest.mark.parametrize(
    "text",
    [
        "The caretaker has no key for the north wing.",
        "Otto waits outside the north wing.",
        "They could take the blue cable.",
        "They are sure of the blue cable.",
    ],
)
def test_sentences_with_the_polarity_of_what_was_said_pass(text: str) -> None:
    assert keeps_negation(text, SAID)


def test_stating_what_was_denied_is_refused() -> None:
    assert not keeps_negation("The caretaker has a key for the north wing.", SAID)


def test_stating_what_was_both_denied_and_asserted_passes() -> None:
    assert keeps_negation("The caretaker has a key for the north wing.", (*SAID, "Now he has a north wing key."))


def test_denying_what_was_not_denied_is_refused() -> None:
    assert not keeps_negation("They will not take the blue cable.", SAID[2:])
