"""Spoken sentences without what only fills them."""

from __future__ import annotations

import pytest

from workers.summarize.text.disfluency import plainly


@pytest.mark.parametrize(
    ("language", "said", "plain"),
    [
        ("en", "so, um, we take the the small oven", "we take the small oven"),
        ("de", "also, ähm, wir nehmen den kleinen Ofen", "wir nehmen den kleinen Ofen"),
        ("de", "Gut, dann bestelle ich ihn", "bestelle ich ihn"),
        ("de", "So geht das nicht", "So geht das nicht"),
        ("fr", "Bon, alors on prend, euh, le petit four", "on prend le petit four"),
        ("fr", "Nous nous voyons lundi", "Nous nous voyons lundi"),
        ("fr", "Bon courage à tous", "Bon courage à tous"),
        ("es", "Bueno, pues compramos, eh, el horno pequeño", "compramos el horno pequeño"),
        ("es", "Sí quiero", "Sí quiero"),
        ("nl", "dus, eh, we nemen de kleine oven", "dus, eh, we nemen de kleine oven"),
    ],
)
def test_what_fills_a_sentence_is_left_out(language: str, said: str, plain: str) -> None:
    assert plainly(said, language) == plain
