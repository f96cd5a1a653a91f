"""Puts people's corrections into minutes that were written again.

A correction replaces the sentence whose words were corrected. The summariser may word that sentence differently now,
because the transcript was corrected or another model writes. Then the correction replaces the sentence that shares its
evidence and most of its content words. If there is none, the correction returns to its old place. So no correction is
lost. Its support is computed again, and shows whether the transcript still supports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from schema.corrections.sentences import SentenceCorrection, last_changes
from schema.minutes.minutes import Action, Minutes, MinutesItem, MinutesPart, Sentence, changed, named, parts
from workers.summarize.checking.evidence import SUPPORTED_FROM, Evidence
from workers.summarize.store import read_transcript
from workers.summarize.text.salience import overlap
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems

SAME = 0.6
"""Two sentences with shared evidence count as the same from this share of common content words on."""


def corrected_minutes(session: Session, meeting_id: str, minutes: Minutes, language: str) -> Minutes:
    """Return *minutes* with the corrections that people made to earlier minutes of the meeting."""
    corrections = last_changes(session, meeting_id)
    if not corrections:
        return minutes
    return with_corrections(minutes, corrections, read_transcript(session, meeting_id), language)


def with_corrections(
    minutes: Minutes, corrections: Sequence[SentenceCorrection], segments: Sequence[SpokenSegment], language: str
) -> Minutes:
    """Return *minutes* with *corrections*, the last one of each sentence. *segments* is the whole transcript."""
    minutes = named(minutes)
    evidence = Evidence(segments, language)
    starts = {segment.id: segment.first_sample for segment in segments}
    taken = {correction.sentence_id for correction in corrections}
    for correction in corrections:
        there = {item.id: item for _, item in parts(minutes)}
        if correction.sentence_id in there:
            minutes = _replaced(minutes, correction.sentence_id, correction, evidence)
        elif correction.in_force:
            free = [item for key, item in there.items() if key not in taken]
            stand_in = _stand_in(correction, free, language)
            if stand_in is not None:
                minutes = _replaced(minutes, stand_in.id, correction, evidence)
            elif correction.text:
                minutes = _put_back(minutes, correction, evidence, starts)
    return minutes


def _stand_in(
    correction: SentenceCorrection, items: Sequence[Sentence | Action], language: str
) -> Sentence | Action | None:
    """Find the sentence that the summariser now writes in place of the corrected one."""
    wanted = Action if correction.part == MinutesPart.ACTION else Sentence
    stems = [frozenset(content_stems(text, language)) for text in (correction.original_text, correction.text)]
    found = [
        (max(overlap(own, frozenset(content_stems(item.text, language))) for own in stems), item)
        for item in items
        if isinstance(item, wanted) and set(item.evidence) & set(correction.evidence)
    ]
    score, best = max(found, key=lambda each: each[0], default=(0.0, None))
    return best if score >= SAME else None


def _replaced(minutes: Minutes, item_id: str, correction: SentenceCorrection, evidence: Evidence) -> Minutes:
    def change(item: MinutesItem) -> MinutesItem:
        return item if item.id != item_id else _corrected(item, correction, evidence)

    return changed(minutes, change)


def _corrected(item: MinutesItem, correction: SentenceCorrection, evidence: Evidence) -> MinutesItem:
    """Return *item* with the correction. After an undo it keeps the summariser's words and gets the version number.

    The evidence stays the same if it supports the new words. Otherwise evidence that supports them replaces it.
    """
    item = replace(item, id=correction.sentence_id, version=correction.version)
    if not correction.in_force:
        return item
    item = replace(correction.written.of(item), corrected=True)
    if not item.text:
        return replace(item, support=0.0, supported=False)
    ids = item.evidence or tuple(correction.evidence)
    support = evidence.support(item.text, ids)
    if support < SUPPORTED_FROM:
        elsewhere = evidence.check(item.text)
        if elsewhere.supported:
            ids, support = elsewhere.evidence, elsewhere.support
    return replace(item, evidence=ids, support=round(support, 3), supported=support >= SUPPORTED_FROM)


def _put_back(minutes: Minutes, correction: SentenceCorrection, evidence: Evidence, starts: dict[int, int]) -> Minutes:
    """Add the corrected sentence to its old part: a chapter is found by the time of the sentence's evidence."""
    known = tuple(key for key in correction.evidence if key in starts)
    if correction.part == MinutesPart.ACTION:
        action = _corrected(Action("", evidence=known), correction, evidence)
        return replace(minutes, actions=(*minutes.actions, action))
    sentence = _corrected(Sentence("", evidence=known), correction, evidence)
    if correction.part == MinutesPart.DECISION:
        return replace(minutes, decisions=(*minutes.decisions, sentence))
    at = starts[known[0]] if known else -1
    chapter = next((each for each in minutes.chapters if each.first_sample <= at < each.end_sample), None)
    if correction.part == MinutesPart.OVERVIEW or chapter is None:
        return replace(minutes, overview=(*minutes.overview, sentence))
    longer = replace(chapter, sentences=(*chapter.sentences, sentence))
    return replace(minutes, chapters=tuple(longer if each is chapter else each for each in minutes.chapters))
