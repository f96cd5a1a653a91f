"""Measures the minutes of one meeting against people's summaries and the turns that they linked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from schema.core.words import count_words, first_words
from schema.minutes.minutes import Action, Minutes, Sentence, parts
from training.data.meetings import AnnotatedMeeting
from training.evaluation.evaluate import ExampleMeasures
from training.evaluation.systems import minutes_text
from training.metrics.summaries import evidence_overlap, length_ratio, rouge
from workers.asr.error_rates import Counts

WITHOUT_ACTIONS = frozenset({"ICSI"})
"""Corpora without human action items."""
_DECIDED = re.compile(r"\b(?:decid\w+|agree[ds]?|chose|settled on|it was decided)\b", re.I)


def measure_minutes(meeting: AnnotatedMeeting, minutes: Minutes, processor_s: float) -> ExampleMeasures:
    """The measures of *minutes* by name. A measure without a reference in the meeting is left out."""
    return {
        **dict(_overlaps(meeting, minutes_text(minutes))),
        **dict(_support(meeting, minutes)),
        **dict(_measure_lists(meeting, minutes)),
        "processor seconds": processor_s,
    }


def abstract(meeting: AnnotatedMeeting) -> str:
    return " ".join(sentence.text for sentence in meeting.sentences if sentence.section == "abstract")


def _overlaps(meeting: AnnotatedMeeting, text: str) -> Iterator[tuple[str, float]]:
    """ROUGE against the abstract, for the whole text and cut to the abstract's number of words."""
    reference = abstract(meeting)
    yield "words", count_words(text)
    yield "words for each of the abstract", length_ratio(text, reference)
    cut = first_words(text, count_words(reference))
    for name, part in (("", text), (" at its length", cut)):
        found = rouge(reference, part)
        yield from ((f"ROUGE-1{name}", found.r1), (f"ROUGE-2{name}", found.r2))
        yield from ((f"ROUGE-L{name}", found.l), (f"ROUGE-Lsum{name}", found.lsum))


def _support(meeting: AnnotatedMeeting, minutes: Minutes) -> Iterator[tuple[str, Counts]]:
    """Measure the share of supported sentences, and compare their evidence with the links of all sections."""
    said = {item.text: item for _, item in parts(minutes)}
    yield "supported", Counts(sum(item.supported for item in said.values()), len(said))
    linked = {key for sentence in meeting.sentences for key in sentence.evidence}
    overlap = evidence_overlap({key for item in said.values() for key in item.evidence}, linked)
    yield from (("evidence precision", overlap.precision), ("evidence recall", overlap.recall))


def _measure_lists(meeting: AnnotatedMeeting, minutes: Minutes) -> Iterator[tuple[str, Counts | float]]:
    """Compare decisions and actions with those of people, and check all sentences that claim a decision."""
    yield from _against(meeting, "decisions", minutes.decisions)
    if meeting.corpus not in WITHOUT_ACTIONS:
        yield from _against(meeting, "actions", minutes.actions)
    claims = {item.text: item for _, item in parts(minutes) if _DECIDED.search(item.text)}
    yield "sentences that say decided", float(len(claims))
    yield "of these on a decision", _resting(tuple(claims.values()), _linked(meeting, "decisions"))


def _against(
    meeting: AnnotatedMeeting, section: str, listed: Sequence[Sentence | Action]
) -> Iterator[tuple[str, Counts | float]]:
    """The share of *listed* items that rest on a turn linked in *section*, and the share of people's items that they
    cover.
    """
    gold = [sentence.evidence for sentence in meeting.sentences if sentence.section == section and sentence.evidence]
    named = {key for item in listed for key in item.evidence}
    yield f"{section} listed", float(len(listed))
    yield f"{section} precision", _resting(listed, _linked(meeting, section))
    yield f"{section} recall", Counts(sum(bool(named & set(evidence)) for evidence in gold), len(gold))


def _linked(meeting: AnnotatedMeeting, section: str) -> frozenset[int]:
    return frozenset(key for sentence in meeting.sentences if sentence.section == section for key in sentence.evidence)


def _resting(items: Sequence[Sentence | Action], linked: frozenset[int]) -> Counts:
    return Counts(sum(not linked.isdisjoint(item.evidence) for item in items), len(items))
