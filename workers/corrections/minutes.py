"""Minutes that were written anew, with what people had corrected in earlier ones.

A correction takes the place of the sentence with the words that were corrected. Where the summariser words it
differently now, because the transcript was corrected or another model writes, it takes the place of the one that rests
on the same and is about the same. Where there is none it is put back where it stood. So nothing that somebody wrote is
lost, and support, computed anew, says where the transcript does not carry it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.corrections.sentences import SentenceCorrection, last_changes
from schema.meetings.minutes import Action, Minutes, MinutesItem, MinutesPart, Sentence, changed, named, parts
from schema.meetings.tables import Segment
from workers.summarize.checking.evidence import SUPPORTED_FROM, Evidence
from workers.summarize.text.salience import overlap
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.words import content_stems

SAME = 0.6
"""Share of the content words from which two sentences that rest on the same are about the same."""


def corrected_minutes(session: Session, meeting_id: str, minutes: Minutes) -> Minutes:
    """*minutes* of a meeting with what people corrected in those before."""
    corrections = last_changes(session, meeting_id)
    if not corrections:
        return minutes
    closed = (
        select(Segment)
        .where(Segment.meeting_id == meeting_id, Segment.closed)
        .order_by(Segment.first_sample, Segment.id)
    )
    said = [SpokenSegment(r.id, r.speaker, r.first_sample, r.end_sample, r.text) for r in session.scalars(closed)]
    return with_corrections(minutes, corrections, said)


def with_corrections(
    minutes: Minutes, corrections: Sequence[SentenceCorrection], segments: Sequence[SpokenSegment]
) -> Minutes:
    """*minutes* with the last of each sentence's *corrections*; *segments* are all that was said."""
    minutes = named(minutes)
    evidence = Evidence(segments)
    starts = {segment.id: segment.first_sample for segment in segments}
    taken = {correction.sentence_id for correction in corrections}
    for correction in corrections:
        there = {item.id: item for _, item in parts(minutes)}
        if correction.sentence_id in there:
            minutes = _replaced(minutes, correction.sentence_id, correction, evidence)
        elif correction.in_force:
            free = [item for key, item in there.items() if key not in taken]
            stand_in = _stand_in(correction, free)
            if stand_in is not None:
                minutes = _replaced(minutes, stand_in.id, correction, evidence)
            elif correction.text:
                minutes = _put_back(minutes, correction, evidence, starts)
    return minutes


def _stand_in(correction: SentenceCorrection, items: Sequence[Sentence | Action]) -> Sentence | Action | None:
    """What the summariser writes now in the place of what was corrected."""
    wanted = Action if correction.part == MinutesPart.ACTION else Sentence
    stems = [frozenset(content_stems(text)) for text in (correction.original_text, correction.text)]
    found = [
        (max(overlap(own, frozenset(content_stems(item.text))) for own in stems), item)
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
    """*item* as the correction has it. One that was undone keeps the summariser's words and the number of its version.

    It rests on what it rested on, or where that does not carry the new words, on what does.
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
