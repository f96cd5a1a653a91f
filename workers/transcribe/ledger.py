"""Commits the text, coverage and positions of many tracks in one transaction.

A track is written only if nobody else has committed it since the step began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schema.core.database import Database
from schema.core.events import Event
from schema.core.sentences import ends_sentence
from schema.core.states import SpeakerSource
from schema.core.tables import at_least
from schema.core.units import samples_of_s
from schema.meetings.locks import advance_seq
from schema.meetings.tables import Coverage, Segment, Track
from schema.meetings.views import segment_event
from schema.speakers.labels import label_new_words
from workers.asr.hypothesis import Word
from workers.asr.streaming.track import CommittedSpan

SEGMENT_LIMIT_SAMPLES = samples_of_s(20)
PAUSE_SAMPLES = samples_of_s(1)
"""A segment is closed at the end of a sentence, at a pause, or at SEGMENT_LIMIT_SAMPLES at the latest."""


@dataclass(frozen=True, slots=True)
class TrackCommit:
    """One track's part of a step. `spans` tile [old_sample, new_sample); `words` have positions in the meeting."""

    meeting_id: str
    track_id: str
    old_epoch: int
    epoch: int
    """The epochs of the last commit that the step knew of (`old_epoch`) and of the step's own claim (`epoch`)."""
    old_sample: int
    new_sample: int
    spans: Sequence[CommittedSpan]
    words: Sequence[Word] = ()
    pause: bool = False
    """The speaker paused at `new_sample`, so the open segment ends there."""
    model: str = ""
    adapter: str | None = None
    received_sample: int = 0
    """How much of the track's audio had arrived when the step began."""


@dataclass(slots=True)
class Committed:
    """The result of a commit: the tracks whose commit was accepted, and the events to publish by meeting."""

    track_ids: set[str] = field(default_factory=set)
    events: dict[str, list[Event]] = field(default_factory=dict)
    closed_words: dict[str, int] = field(default_factory=dict)
    """The number of words in segments that this commit closed, by meeting."""


def commit(database: Database, commits: Iterable[TrackCommit]) -> Committed:
    """Write all *commits* in one transaction. A commit that comes too late is skipped; the result lacks its track."""
    result = Committed()
    with database.write() as session:
        # All workers use the same order, so that two workers that share meetings cannot deadlock.
        for part in sorted(commits, key=lambda part: (part.meeting_id, part.track_id)):
            track = _take(session, part)
            if track is not None:
                result.track_ids.add(track.id)
                _write(session, track, part, result)
    return result


def _take(session: Session, part: TrackCommit) -> Track | None:
    """Advance the track's position if nobody has committed since this step began.

    Epochs must be equal, not smaller or larger: after Redis lost its data, the holder may have a smaller epoch.
    """
    taken = (
        update(Track)
        .where(Track.id == part.track_id, Track.committed_sample == part.old_sample, Track.epoch == part.old_epoch)
        .values(
            committed_sample=part.new_sample,
            # The audio that Redis lost was received too, even if it has not come again yet.
            received_sample=at_least(Track.received_sample, part.received_sample),
            epoch=part.epoch,
        )
        .returning(Track)
    )
    return session.scalar(taken)


def _write(session: Session, track: Track, part: TrackCommit, result: Committed) -> None:
    _extend_coverage(session, part)
    changed = _grow_segments(session, track, part)
    if not changed:  # silence needs no lock on the meeting's row
        return
    changed = label_new_words(session, track, changed)
    last_seq = advance_seq(session, track.meeting_id, len(changed))
    for seq, segment in enumerate(changed, last_seq - len(changed) + 1):
        segment.seq = seq
    session.flush()
    result.events.setdefault(track.meeting_id, []).extend(segment_event(each, track.name) for each in changed)
    closed = sum(len(each.words) for each in changed if each.closed)
    result.closed_words[track.meeting_id] = result.closed_words.get(track.meeting_id, 0) + closed


def _extend_coverage(session: Session, part: TrackCommit) -> None:
    last = session.scalar(
        select(Coverage).where(Coverage.track_id == part.track_id).order_by(Coverage.first_sample.desc()).limit(1)
    )
    position = part.old_sample
    for span in part.spans:
        if span.first_sample != position or span.end_sample <= position:
            raise ValueError(f"coverage of {part.track_id} does not tile: {span} at {position}")
        position = span.end_sample
        if last is not None and (last.kind, last.reason) == (span.kind, span.reason):
            last.end_sample = span.end_sample
            continue
        last = Coverage(
            track_id=part.track_id,
            first_sample=span.first_sample,
            end_sample=span.end_sample,
            kind=span.kind,
            reason=span.reason,
        )
        session.add(last)
    if position != part.new_sample:
        raise ValueError(f"coverage of {part.track_id} ends at {position}, not at {part.new_sample}")


def _grow_segments(session: Session, track: Track, part: TrackCommit) -> list[Segment]:
    """Append the words to the open segment or to new ones. Returns the changed segments in order."""
    segment = session.scalar(select(Segment).where(Segment.track_id == track.id, Segment.closed.is_(False)))
    changed: list[Segment] = []
    for word in part.words:
        if segment is not None and (
            _ends_before(segment.first_sample, segment.end_sample, word) or not _reads_on(segment, part)
        ):
            segment.closed = True
            if segment not in changed:
                changed.append(segment)
            segment = None
        if segment is None:
            segment = _new_segment(track, part, word)
            session.add(segment)
        else:
            _append(segment, word)
        if segment not in changed:
            changed.append(segment)
        if ends_sentence(word.text):
            segment.closed = True
            segment = None
    if segment is not None and part.pause:
        segment.closed = True
        if segment not in changed:
            changed.append(segment)
    return changed


def words_by_segment(words: Iterable[Word]) -> list[list[Word]]:
    """*words* by segment, as `commit` divides them if one step of a new track has all of them."""
    segments: list[list[Word]] = []
    goes_on = False
    for word in words:
        if not goes_on or _ends_before(segments[-1][0].start_sample, segments[-1][-1].end_sample, word):
            segments.append([])
        segments[-1].append(word)
        goes_on = not ends_sentence(word.text)
    return segments


def _ends_before(first_sample: int, end_sample: int, word: Word) -> bool:
    """Whether the segment [first_sample, end_sample) ends before *word*."""
    too_long = word.end_sample - first_sample > SEGMENT_LIMIT_SAMPLES
    return too_long or word.start_sample - end_sample >= PAUSE_SAMPLES


def _reads_on(segment: Segment, part: TrackCommit) -> bool:
    """Whether the words of *part* come from the model and adapter of *segment*. A segment has only one of each."""
    return (segment.model, segment.adapter) == (part.model, part.adapter)


def _new_segment(track: Track, part: TrackCommit, word: Word) -> Segment:
    return Segment(
        meeting_id=track.meeting_id,
        track_id=track.id,
        seq=0,
        first_sample=word.start_sample,
        end_sample=word.end_sample,
        speaker=track.speaker,
        text=word.text.strip(),
        words=[_word_row(word)],
        closed=False,
        model=part.model,
        adapter=part.adapter,
    )


def _append(segment: Segment, word: Word) -> None:
    if segment.speaker_from != SpeakerSource.PERSON:
        segment.person = None  # The listener has not told yet who says this word.
    segment.end_sample = word.end_sample
    segment.text += word.text
    # SQLAlchemy does not notice changes inside a JSON value, so this assigns a new list.
    segment.words = [*segment.words, _word_row(word)]


def _word_row(word: Word) -> list[object]:
    return [word.text, word.start_sample, word.end_sample, round(word.probability, 3)]
