"""Phrases with which people take what they say out of the minutes, and go back: English, German, French, Spanish.

All of them count in every meeting, because people switch languages, and no phrase means something else in another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from schema.core.sentences import sentence_cuts

_FR_MINUTES = r"(?:proc[eè]s[- ]verbal|p\.?v\b|compte[- ]rendu)"
_OFF = (
    r"\boff the record\b",
    r"\bnot for the (?:minutes|record)\b",
    r"\b(?:don['’]?t|do not) (?:put|write|include) (?:this|that|it)(?: down)? in the minutes\b",
    r"\bkeep (?:this|that|it) out of the minutes\b",
    r"\bnicht (?:für das|fürs|in das|ins|im|zum?) protokoll\b",
    r"\b(?:außerhalb|ausserhalb) des protokolls\b",
    r"\bnicht (?:mit)?protokollieren\b",
    rf"\bhors (?:du )?{_FR_MINUTES}",
    rf"\bpas (?:inscrire |noter |mettre )?(?:au|dans le|pour le) {_FR_MINUTES}",
    r"\bno (?:quiero que |debe |puede )?const(?:e|ar) en (?:el )?acta\b",
    r"\bfuera (?:del|de) acta\b",
    r"\bno lo (?:pongas|pongan|pongáis|ponga) en (?:el )?acta\b",
)
_ON = (
    r"\b(?:back|again) (?:on|onto|in) (?:the )?(?:record|minutes)\b",
    r"\bon the record again\b",
    r"\bfor the (?:minutes|record) again\b",
    r"\bno longer off the record\b",
    r"\bwieder (?:für das|fürs|in das|ins|im|zum?|mit) protokoll\b",
    r"\bzurück (?:ins|im|zum) protokoll\b",
    rf"\b(?:retour|revenons|revient|reprenons|reprend)(?: au| le| dans le) {_FR_MINUTES}",
    rf"\bde nouveau (?:au|dans le|pour le) {_FR_MINUTES}",
    r"\b(?:volvemos|volviendo|de vuelta|otra vez) (?:al|a|en el|en) acta\b",
    r"\b(?:vuelva|vuelve) a constar en (?:el )?acta\b",
    r"\bde nuevo en (?:el )?acta\b",
)
HINTS = ("record", "minutes", "rotokoll", "verbal", "pv", "p.v", "compte", "acta")
"""Each phrase has one of these, in lower case. A database finds the few segments that may have a phrase with them."""
_PHRASE = re.compile(f"(?P<on>{'|'.join(_ON)})[,.;:–-]*|(?P<off>{'|'.join(_OFF)})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A phrase in a text. What follows `at` is off the record or, if `back`, on it again.

    A passage off the record begins with the sentence that has the phrase: `The boss resigns, off the record.`
    """

    back: bool
    at: int


def announcements(text: str) -> Iterator[Announcement]:
    """The phrases in *text*, in order."""
    sentences = list(pairwise([0, *sentence_cuts(text), len(text)]))
    for match in _PHRASE.finditer(text):
        if match["on"]:
            yield Announcement(True, match.end())
        else:
            yield Announcement(False, next(first for first, end in sentences if match.start() < end))
