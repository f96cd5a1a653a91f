"""Corrections of transcripts. The recognised text and every change are kept.

People read a segment's `text` and `speaker`; its `words` stay as the model recognised them. Each change adds one to the
segment's version and one row to this table. The row holds all that a training set needs: the recognised text, the
corrected text, the author, and the place in the track. A note is written again when one of its segments has a higher
`seq` than the note.

Every function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from schema.core.errors import Conflict, NotFound, SegmentOpen, VersionMismatch
from schema.core.lines import same_line
from schema.core.states import Origin, SpeakerSource
from schema.core.tables import Base, Id, now
from schema.meetings.locks import lock_meeting, lock_tracks
from schema.meetings.tables import Meeting, Segment, Track
from schema.speakers.changes import BY_VOICE, name_people
from schema.speakers.people import people_of

VERSIONS_LIMIT = 500
"""Limit of versions per segment."""
QUIET_MS = 6_000
"""Minutes are written again after this time without a correction, because people correct many sentences in a row."""
NAMES_SHOWN = 10


class Correction(Base):
    """One change of a segment: version `version` has `text` in place of the recognised `original_text`.

    The span is that of the segment, in samples of its track. The row with a segment's highest version is in force,
    unless its origin is `undone`. A row without a segment could not be carried over to this version of the meeting;
    `reason` says why.
    """

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("segment_id", "version"), Index(None, "meeting_id", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    track_id: Mapped[str | None] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), index=True)
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"))
    version: Mapped[int | None]
    first_sample: Mapped[int] = mapped_column(BigInteger)
    end_sample: Mapped[int] = mapped_column(BigInteger)
    original_text: Mapped[str] = mapped_column(Text)
    original_speaker: Mapped[str | None] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    speaker: Mapped[str | None] = mapped_column(String(100))
    author: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(default=now)


@dataclass(frozen=True, slots=True)
class SegmentContent:
    """The text and the speaker of a segment."""

    text: str
    speaker: str | None


@dataclass(frozen=True, slots=True)
class Edit:
    """A new content of a segment. With `by_voice` its speaker still comes from the voice, whose name has changed."""

    segment: Segment
    said: SegmentContent
    author: str
    origin: Origin
    by_voice: bool = False


def correct(
    session: Session,
    meeting_id: str,
    segment_id: int,
    wanted: Mapping[str, str | None],
    author: str,
    expected_version: int | None = None,
) -> Segment:
    """Change a segment's `text`, `speaker` or both. If nothing changes, no version is added.

    Raises NotFound, Gone, SegmentOpen, Conflict, and VersionMismatch when the segment is not at *expected_version*.
    """
    segment = _locked(session, meeting_id, segment_id, expected_version)
    said = SegmentContent(str(wanted.get("text", segment.text)), wanted.get("speaker", segment.speaker))
    write(session, meeting_id, [Edit(segment, said, author, Origin.EDITED)])
    return segment


def undo(
    session: Session, meeting_id: str, segment_id: int, author: str, expected_version: int | None = None
) -> Segment:
    """Restore the recognised text and speaker, as a new version. Raises the same errors as `correct`."""
    segment = _locked(session, meeting_id, segment_id, expected_version)
    heard = _originals(session, meeting_id, [segment])[segment.id]
    if segment.person is not None:  # What the voice says has changed since, if people were named or joined.
        heard = SegmentContent(heard.text, people_of(session, meeting_id).shown(segment.person))
    write(session, meeting_id, [Edit(segment, heard, author, Origin.UNDONE)])
    segment.speaker_from = None if segment.person is None else SpeakerSource.VOICE
    return segment


def rename_speaker(
    session: Session, meeting_id: str, speaker: str | None, new_speaker: str | None, track: str | None, author: str
) -> list[Segment]:
    """Rename *speaker* to *new_speaker* in one track or all tracks, for past and future segments.

    If the voice told who speaks, the person gets the name, or with *track* only the segments there. A name counts in
    every way to write its letters (composed or not). Returns the segments that changed. Raises NotFound when no speaker
    has that name, Gone, Conflict.
    """
    # Tracks before the meeting: the order of `schema.meetings.locks`.
    lock_tracks(session, meeting_id)
    lock_meeting(session, meeting_id)
    chosen = select(Track).where(Track.meeting_id == meeting_id)
    tracks = session.scalars(chosen if track is None else chosen.where(Track.name == track)).all()
    spellings = _spellings(session, tracks, speaker)
    named = [each for each in tracks if each.speaker in spellings and each.heard_sample is None]
    people = people_of(session, meeting_id)
    persons = people.called(name for name in (*spellings, speaker) if name) if track is None else []
    of_tracks = Segment.track_id.in_([each.id for each in tracks])
    theirs = Segment.speaker.is_(None) if speaker is None else Segment.speaker.in_(spellings)
    said = select(Segment).where(of_tracks, theirs).order_by(Segment.first_sample, Segment.id)
    segments = session.scalars(said).all()
    if not segments and not named and not persons:
        raise NotFound(f"meeting '{meeting_id}' has {_who(speaker)}; its speakers: {_speakers(session, tracks)}")
    for track_of_one in named:
        track_of_one.speaker = new_speaker
    name_people(people, persons, new_speaker)
    session.flush()
    edits = []
    for each in segments:
        by_voice = each.speaker_from in BY_VOICE and each.person is not None and bool(persons)
        name = people.shown(each.person) if by_voice and each.person is not None else new_speaker
        edits.append(Edit(each, SegmentContent(each.text, name), author, Origin.RENAMED, by_voice))
    return write(session, meeting_id, edits)


def write(session: Session, meeting_id: str, edits: Sequence[Edit]) -> list[Segment]:
    """Apply the edits, have the minutes written again, and return the segments that changed.

    The caller has locked the meeting's row. Each edit of a closed segment adds a version. An open segment can only get
    another speaker; it keeps its version, because its words are still coming. Raises Conflict when a segment has too
    many versions.
    """
    edits = [each for each in edits if each.said != SegmentContent(each.segment.text, each.segment.speaker)]
    if not edits:
        return []
    last_seq = mark_revised(session, meeting_id, len(edits))
    originals = _originals(session, meeting_id, [each.segment for each in edits])
    for seq, edit in enumerate(edits, last_seq - len(edits) + 1):
        edit.segment.seq = seq
        if edit.said.speaker != edit.segment.speaker and not edit.by_voice:
            edit.segment.speaker_from = SpeakerSource.PERSON
        if edit.segment.closed and not edit.by_voice:
            _add_version(session, edit, originals[edit.segment.id])
        edit.segment.text, edit.segment.speaker = edit.said.text, edit.said.speaker
    session.flush()
    return [each.segment for each in edits]


def _add_version(session: Session, edit: Edit, original: SegmentContent) -> None:
    segment = edit.segment
    if segment.version >= VERSIONS_LIMIT:
        raise Conflict(f"segment {segment.id} has {segment.version} versions, which is the limit; leave it unchanged")
    segment.version += 1
    segment.corrected = edit.said != original
    session.add(
        Correction(
            meeting_id=segment.meeting_id,
            track_id=segment.track_id,
            segment_id=segment.id,
            version=segment.version,
            first_sample=segment.first_sample,
            end_sample=segment.end_sample,
            original_text=original.text,
            original_speaker=original.speaker,
            text=edit.said.text,
            speaker=edit.said.speaker,
            author=edit.author,
            origin=edit.origin,
        )
    )


def mark_revised(session: Session, meeting_id: str, count: int) -> int:
    """Reserve *count* sequence numbers, have the minutes written again, and return the last number.

    `Meeting.revised_seq` keeps that number until the minutes contain these corrections.
    """
    last = Meeting.seq + count
    marked = update(Meeting).where(Meeting.id == meeting_id).values(seq=last, revised_seq=last).returning(Meeting.seq)
    return session.execute(marked).scalar_one()


def _locked(session: Session, meeting_id: str, segment_id: int, expected_version: int | None) -> Segment:
    lock_meeting(session, meeting_id)
    segment = find_segment(session, meeting_id, segment_id)
    if not segment.closed:
        raise SegmentOpen(
            f"segment {segment_id} is still open; correct it once it is closed, at the next pause or full stop"
        )
    if expected_version not in (None, segment.version):
        raise VersionMismatch(
            f"segment {segment_id} is at version {segment.version}, not {expected_version}: somebody changed it in the "
            "meantime; read it again, then send that version in If-Match",
            current_version=segment.version,
            current_text=segment.text,
            current_speaker=segment.speaker,
        )
    return segment


def find_segment(session: Session, meeting_id: str, segment_id: int) -> Segment:
    """Return a segment of the meeting, reloaded. Raises NotFound."""
    segment = session.get(Segment, segment_id, populate_existing=True)
    if segment is None or segment.meeting_id != meeting_id:
        raise NotFound(f"meeting '{meeting_id}' has no segment {segment_id}; GET .../transcript lists the ids")
    return segment


def _originals(session: Session, meeting_id: str, segments: Sequence[Segment]) -> dict[int, SegmentContent]:
    """The recognised text and speaker, by segment id."""
    changed = [segment.id for segment in segments if segment.version > 1]
    first = select(Correction.segment_id, Correction.original_text, Correction.original_speaker)
    # A meeting may have more segments than a statement may have parameters, so only a single one is looked up by id.
    theirs = Correction.segment_id == changed[0] if len(changed) == 1 else Correction.meeting_id == meeting_id
    rows = session.execute(first.where(theirs, Correction.version == 2)) if changed else ()
    heard = {segment_id: SegmentContent(text, speaker) for segment_id, text, speaker in rows}
    return {each.id: heard.get(each.id) or SegmentContent(each.text, each.speaker) for each in segments}


def _who(speaker: str | None) -> str:
    return "no speaker without a name" if speaker is None else f"no speaker '{speaker}'"


def _speakers(session: Session, tracks: Sequence[Track]) -> str:
    names = sorted(name for name in _names(session, tracks) if name)
    return ", ".join(names[:NAMES_SHOWN]) or "none with a name"


def _spellings(session: Session, tracks: Sequence[Track], speaker: str | None) -> set[str | None]:
    """The names in these tracks that equal *speaker* as lines. Old rows and other programs write them differently."""
    if speaker is None:
        return {None}
    return {name for name in _names(session, tracks) if name and same_line(name, speaker)}


def _names(session: Session, tracks: Sequence[Track]) -> set[str | None]:
    spoke = select(Segment.speaker).where(Segment.track_id.in_([track.id for track in tracks])).distinct()
    return {*session.scalars(spoke), *(track.speaker for track in tracks)}


def quiet_key(meeting_id: str) -> str:
    """Each correction sets this key for QUIET_MS. While it exists, the sweep requests no new minutes."""
    return f"mb:correcting:{meeting_id}"
