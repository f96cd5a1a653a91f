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
def test_what_denies_and_asserts_what_was_said_stands(text: str) -> None:
    assert keeps_negation(text, SAID)


def test_what_is_told_as_a_fact_though_it_was_denied_does_not_stand() -> None:
    assert not keeps_negation("The caretaker has a key for the north wing.", SAID)


def test_what_was_denied_and_asserted_may_be_told_as_a_fact() -> None:
    assert keeps_negation("The caretaker has a key for the north wing.", (*SAID, "Now he has a north wing key."))


def test_a_denial_where_nothing_was_denied_does_not_stand() -> None:
    assert not keeps_negation("They will not take the blue cable.", SAID[2:])
