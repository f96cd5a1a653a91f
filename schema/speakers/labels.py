"""Gives the words of a transcript their speakers. A segment ends where the speaker changes.

Each word belongs to the person whose unit covers its middle, or else to the nearest one. What a person said about a
segment's speaker stays. A segment that somebody has changed is not divided, because its history is of the whole. It
gets the speaker of most of its words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from schema.core.states import SpeakerSource
from schema.core.units import samples_of_s
from schema.corrections.alignment import WordRow
from schema.meetings.tables import Segment, Track
from schema.speakers.changes import keep_words, part_of
from schema.speakers.people import People, people_of
from schema.speakers.tables import VoiceUnit

AROUND_SAMPLES = samples_of_s(30)
"""Units this far before a segment can still be the nearest ones. A segment has at most 20 s."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Who speaks when on one track, up to `heard_sample`. The spans are ordered; `persons` belongs to `firsts`."""

    heard_sample: int
    firsts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    overlaps: list[tuple[int, int]] = field(default_factory=list)

    def person_at(self, sample: int) -> int | None:
        """The person who speaks at *sample*, or nearest to it. None if nobody does, or that is not known yet."""
        if sample >= self.heard_sample or not self.firsts:
            return None
        at = bisect_right(self.firsts, sample) - 1
        before = max(range(max(0, at - 2), at + 1), key=self.ends.__getitem__, default=None)
        if before is not None and sample < self.ends[before]:
            return self.persons[before]
        after = at + 1 if at + 1 < len(self.firsts) else None
        if before is None or (after is not None and self.firsts[after] - sample < sample - self.ends[before]):
            return self.persons[after] if after is not None else None
        return self.persons[before]

    def overlapped(self, first_sample: int, end_sample: int) -> bool:
        return any(first < end_sample and end > first_sample for first, end in self.overlaps)


def label_segments(
    session: Session,
    meeting_id: str,
    people: People,
    source: SpeakerSource,
    since_sample: int = 0,
) -> list[Segment]:
    """Name the speakers of the segments that end after *since_sample*, and of older ones that have none.

    Returns the segments that changed and those that are new, in order. They have no new `seq` yet. The caller has
    locked the tracks and the meeting.
    """
    tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id, Track.heard_sample.is_not(None)))
    changed: list[Segment] = []
    for track in tracks:
        wanted = _segments(session, track, since_sample)
        voices = _voices(session, track, wanted)
        for segment in wanted:
            changed += _label(session, segment, voices, people, source)
    session.flush()
    return changed


def label_new_words(session: Session, track: Track, segments: Sequence[Segment]) -> list[Segment]:
    """Name the speakers of *segments*, which got words just now, as far as the listener has heard these words.

    Returns *segments* and those that were divided from them, in order. The listener names the others later.
    """
    heard = [each for each in segments if each.first_sample < (track.heard_sample or 0)]
    if not heard:
        return list(segments)
    people, voices = people_of(session, track.meeting_id), _voices(session, track, heard)
    labelled: list[Segment] = []
    for segment in segments:
        free = segment.speaker_from != SpeakerSource.PERSON
        parts = _label(session, segment, voices, people, SpeakerSource.VOICE) if free else []
        labelled += [segment, *(part for part in parts if part is not segment)]
    return labelled


def _segments(session: Session, track: Track, since_sample: int) -> Sequence[Segment]:
    late = or_(Segment.end_sample > since_sample, Segment.person.is_(None))
    mine = select(Segment).where(Segment.track_id == track.id, late)
    free = mine.where(or_(Segment.speaker_from.is_(None), Segment.speaker_from != SpeakerSource.PERSON))
    return session.scalars(free.order_by(Segment.first_sample, Segment.id)).all()


def _voices(session: Session, track: Track, segments: Sequence[Segment]) -> Voices:
    """Who speaks around *segments* and later."""
    voices = Voices(track.heard_sample or 0)
    if not segments:
        return voices
    since_sample = min(each.first_sample for each in segments) - AROUND_SAMPLES
    wanted = select(VoiceUnit.first_sample, VoiceUnit.end_sample, VoiceUnit.person).where(
        VoiceUnit.track_id == track.id, VoiceUnit.end_sample > since_sample
    )
    for first, end, person in session.execute(wanted.order_by(VoiceUnit.first_sample)):
        if person is None:
            voices.overlaps.append((first, end))
        else:
            voices.firsts.append(first)
            voices.ends.append(end)
            voices.persons.append(person)
    return voices


def _label(session: Session, segment: Segment, voices: Voices, people: People, source: SpeakerSource) -> list[Segment]:
    """Name the speaker of *segment*, and divide it where the speaker changes. Returns the segments that changed."""
    persons = _persons(segment.words, voices, people)
    if not any(persons):
        return []
    if segment.version > 1 or segment.corrected:
        counted = Counter(person for person in persons if person is not None)
        return [segment] if _name(segment, counted.most_common(1)[0][0], voices, people, source) else []
    parts = [
        (person, [word for _, word in group])
        for person, group in groupby(zip(persons, segment.words, strict=True), key=lambda pair: pair[0])
    ]
    changed = []
    if len(parts) > 1:
        ends_open = not segment.closed
        keep_words(segment, parts[0][1])
        segment.closed = True
        changed.append(segment)
        rest = [part_of(segment, words) for _, words in parts[1:]]
        rest[-1].closed = not ends_open
        session.add_all(rest)
        for (person, _), part in zip(parts[1:], rest, strict=True):
            _name(part, person, voices, people, source)
            changed.append(part)
    if _name(segment, parts[0][0], voices, people, source) and segment not in changed:
        changed.insert(0, segment)
    return changed


def _persons(words: Sequence[WordRow], voices: Voices, people: People) -> list[int | None]:
    """The person of each word. A word that is not heard yet belongs to the speaker before it, for now."""
    found: list[int | None] = []
    for _text, first, end, _probability in words:
        person = voices.person_at((first + end) // 2)
        found.append(people.root(person) if person is not None else (found[-1] if found else None))
    known = next((person for person in found if person is not None), None)
    return [known if person is None else person for person in found]


def _name(segment: Segment, person: int | None, voices: Voices, people: People, source: SpeakerSource) -> bool:
    """Set the speaker of a segment. Returns whether that changed anything."""
    if person is None:
        return False
    name, overlapped = people.shown(person), voices.overlapped(segment.first_sample, segment.end_sample)
    segment.person = person
    if (segment.speaker, segment.overlapped) == (name, overlapped) and segment.speaker_from is not None:
        return False
    segment.speaker, segment.overlapped, segment.speaker_from = name, overlapped, source
    return True
