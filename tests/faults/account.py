"""What became of the audio and the words of meetings that ran under faults."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Self

from sqlalchemy import select

from schema.core.database import Database
from schema.core.states import CoverageKind, MeetingState, SummaryKind
from schema.meetings.tables import Coverage, Failure, Meeting, Segment, Summary, Track
from schema.minutes.minutes import MINUTES, parts
from workers.asr.error_rates import normalise

log = logging.getLogger(__name__)

HEARD = (CoverageKind.TRANSCRIBED, CoverageKind.SILENT)


@dataclass(frozen=True, slots=True)
class WordChanges:
    """How a transcript differs from the one of an undisturbed run. Words are those of Whisper's normaliser.

    A word is *twice* if it was inserted beside itself, alone or in a phrase. A word is *lost* if nothing stands in its
    place. Other differences are *changed*: another reading of the same sound, because its window was cut differently.
    """

    twice: int = 0
    lost: int = 0
    changed: int = 0
    lost_phrases: tuple[str, ...] = field(default=(), compare=False)
    """Lost words with those around them, and after an arrow what was heard instead."""


def compare_words(expected: str, heard: str) -> WordChanges:
    import jiwer

    before, after = normalise(expected).split(), normalise(heard).split()
    if not before:
        return WordChanges(changed=len(after))
    twice = lost = changed = 0
    lost_phrases: list[str] = []
    for first, end, heard_first, heard_end in _differences(jiwer.process_words(" ".join(before), " ".join(after))):
        missing, added = end - first, heard_end - heard_first
        if missing == 0 and _repeats(after, heard_first, heard_end):
            twice += added
        elif added * 2 < missing:
            # A phrase may be read in other words, but not in less than half as many.
            lost += missing - added
            changed += added
            heard_here = " ".join(after[heard_first:heard_end])
            lost_phrases.append(f"{' '.join(before[max(0, first - 4) : end + 4])} -> {heard_here}")
        else:
            changed += max(missing, added)
    return WordChanges(twice, lost, changed, tuple(lost_phrases))


def _differences(found: object) -> list[tuple[int, int, int, int]]:
    """The spans without an equal word, as first and end in the expected words, and first and end in the heard words."""
    spans: list[tuple[int, int, int, int]] = []
    for chunk in found.alignments[0]:  # type: ignore[attr-defined]
        if chunk.type == "equal":
            continue
        span = (chunk.ref_start_idx, chunk.ref_end_idx, chunk.hyp_start_idx, chunk.hyp_end_idx)
        if spans and spans[-1][1] == span[0] and spans[-1][3] == span[2]:
            spans[-1] = (spans[-1][0], span[1], spans[-1][2], span[3])
        else:
            spans.append(span)
    return spans


def _repeats(words: Sequence[str], first: int, end: int) -> bool:
    """Whether words[first:end] stand right before or right after themselves."""
    size, phrase = end - first, words[first:end]
    return words[max(0, first - size) : first] == phrase or words[end : end + size] == phrase


@dataclass
class Account:
    """Sums over meetings. Every field but the first four must be 0, except `words_changed`."""

    meetings: int = 0
    samples: int = 0
    words: int = 0
    words_changed: int = 0
    samples_unaccounted: int = 0
    """Covered by no row of coverage, or by two."""
    samples_unheard: int = 0
    """Accounted for as missing, failed or shed."""
    words_twice: int = 0
    words_lost: int = 0
    unfinished: int = 0
    """Meetings that did not finish, or have no final minutes, empty ones, or more than one."""
    tasks_failed: int = 0
    views_wrong: int = 0
    """Live clients that did not see the transcript and the final minutes."""

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def breaches(self) -> list[str]:
        """Every count that must be 0 and is not."""
        counts = ((each.name, getattr(self, each.name)) for each in fields(self)[4:])
        return [f"{name.replace('_', ' ')}: {count}" for name, count in counts if count]

    @classmethod
    def of(cls, database: Database, meeting_id: str, received_samples: dict[str, int], expected_text: str) -> Self:
        """The account of one meeting, of whose tracks *received_samples* were sent. *expected_text* is what an
        undisturbed run made of the same audio; empty means that there was none.
        """
        with database.read() as session:
            meeting = session.get_one(Meeting, meeting_id)
            tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id)).all()
            rows = {
                track.id: session.scalars(
                    select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)
                ).all()
                for track in tracks
            }
            chosen = select(Summary).where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.FINAL)
            final = session.scalars(chosen).all()
            texts = select(Segment.text).where(Segment.meeting_id == meeting_id)
            text = " ".join(session.scalars(texts.order_by(Segment.first_sample, Segment.id)))
            failures = session.scalars(select(Failure).where(Failure.meeting_id == meeting_id)).all()
        words = compare_words(expected_text, text) if expected_text else WordChanges()
        for phrase in words.lost_phrases:
            log.warning("meeting %s has lost words: %s", meeting_id, phrase)
        complete = len(final) == 1 and any(parts(MINUTES.validate_python(final[0].body)))
        return cls(
            meetings=1,
            samples=sum(received_samples.values()),
            words=len(normalise(text).split()),
            words_changed=words.changed,
            samples_unaccounted=sum(
                _unaccounted(
                    [(row.first_sample, row.end_sample) for row in rows[track.id]], received_samples[track.name]
                )
                for track in tracks
            )
            + sum(samples for name, samples in received_samples.items() if name not in {each.name for each in tracks}),
            samples_unheard=sum(
                row.end_sample - row.first_sample for each in rows.values() for row in each if row.kind not in HEARD
            ),
            words_twice=words.twice,
            words_lost=words.lost,
            unfinished=int(meeting.state != MeetingState.FINISHED or not complete),
            tasks_failed=len(failures),
        )


def _unaccounted(spans: Sequence[tuple[int, int]], end: int) -> int:
    """How many samples of [0, *end*) the ascending *spans* do not cover exactly once."""
    at = wrong = 0
    for first, last in [*spans, (end, end)]:
        wrong += abs(first - at)
        at = last
    return wrong
