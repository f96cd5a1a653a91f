"""Finds decisions by their English phrases."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schema.core.sentences import is_question
from schema.core.wire import ENGLISH
from workers.summarize.text.disfluency import fluent, without_lead_in
from workers.summarize.text.due import find_due
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import Statement
from workers.summarize.text.stems import content_stems

_STRONG = re.compile(
    r"\bwe(?:'ve|’ve|'ll|’ll| have| will| are going to| all)?\s+(?:now\s+|then\s+|all\s+)?"
    r"(?:decided?|agreed?|moved?(?!\s+(?:on|to))|postponed?|cancel\w*|go with|going with|went with|settled? (?:on|for)|"
    r"stick (?:with|to)|chose|choose|chosen|picked?|drop|dropped|approved?|reject\w*|delay|delayed)\b"
    r"|\b(?:it's|it is|that's|that is|then it's|is|are)\s+"
    r"(?:decided|agreed|settled|approved|cancelled|postponed)\b"
    r"|\b(?:the|our) decision is\b|\byou have my (?:approval|okay|ok)\b|\bI approve\b"
    r"|\bgoes? (?:ahead )?(?:with|for) (?:option|plan|version)\b",
    re.I,
)
_WEAK = re.compile(
    r"^we(?:'ll|’ll| will)?\s+(?:launch|ship|start|keep|use|take|buy|hire|meet|close|open|stop|pay|hold|do|make|leave|"
    r"skip|limit|raise|lower|switch|replace|begin|finish|sell|order|accept|wait)\b",
    re.I,
)
_LET_US = re.compile(r"\blet(?:'s|’s| us)\s+(?:just\s+|then\s+|all\s+)?(?P<vp>.+)", re.I)
_TALK = re.compile(
    r"^(?:see|start|begin|move (?:on|to)|look|talk|go|go on|continue|have|hear|say|get|discuss|do (?:that|it|this)\W*$|"
    r"wrap|come|think|be|take a (?:break|look)|imagine|assume|wait|try|face|hope|not forget|first|"
    r"speak|finish|close|recap|sum)\b",
    re.I,
)
_DOUBT = re.compile(
    r"\b(?:if we|should we|could we|can we|maybe|perhaps|might|whether|I think we|what if|would|not sure|don't know|"
    r"haven't|have not|last (?:week|time|year|meeting)|once we|when we (?:were|decide)|"
    r"used to|you know)\b",
    re.I,
)
_SEALED = re.compile(r"^(?:so|then|okay|ok|good|great|all right|alright|right|fine|agreed|and)\b", re.I)


def find_decisions(said: Sequence[Statement]) -> list[int]:
    """Indices of the statements that state a decision."""
    return [at for at, statement in enumerate(said) if _decides(statement.text)]


def _decides(text: str) -> bool:
    if is_question(text) or (_DOUBT.search(text) and not _sealed(text)):
        return False
    plain = without_lead_in(text)
    if len(content_stems(plain, ENGLISH)) + len(numbers(plain, ENGLISH)) < 2:
        return False
    if _STRONG.search(text):
        return True
    if (match := _LET_US.search(plain)) is not None:
        return not _TALK.match(match["vp"]) and len(content_stems(match["vp"], ENGLISH)) >= 2
    return bool(_WEAK.match(plain)) and (_sealed(text) or find_due(plain) is not None)


def _sealed(text: str) -> bool:
    return bool(_SEALED.match(text)) and bool(_STRONG.search(text) or find_due(text))


def decision_text(statement: Statement) -> str:
    """The decision as a sentence of its own, without a lead-in such as `so then`."""
    plain = without_lead_in(fluent(statement.text)).strip()
    plain = re.sub(
        r"^you have my (?:approval|okay|ok)\b", f"{statement.speaker or 'Approval:'} approves", plain, flags=re.I
    )
    plain = plain.replace("Approval: approves", "Approved:")
    plain = re.sub(r"^let(?:'s| us)\b", "Let us", plain, flags=re.I)
    return f"{plain[0].upper()}{plain[1:]}"
