"""Corrections of final minutes. The summariser's sentence and every change are kept.

A change adds one to the sentence's version, adds a row to this table, and puts the new text into the last final
minutes. Then the minutes are written again with the correction. `workers.corrections.minutes` explains how a correction
finds its sentence in the new minutes. Until then the support of the changed sentence is unknown and reported as 0.

Every function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, func, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from schema.core.errors import Conflict, InvalidInput, NotFound, VersionMismatch
from schema.core.states import Origin, SummaryKind
from schema.core.tables import Base, Id, now
from schema.corrections.segments import VERSIONS_LIMIT, mark_revised
from schema.meetings.locks import lock_meeting
from schema.meetings.tables import Meeting, Summary
from schema.minutes.minutes import MINUTES, Action, MinutesItem, Sentence, changed, dated, named, parts


class SentenceCorrection(Base):
    """One change of a sentence: version `version` has `text` in place of the summariser's `original_text`.

    `part` is its part of the minutes. `evidence` are the ids of the segments that it was based on. Only actions have
    `owner` and `due`. Empty text means that the sentence was removed. The row with a sentence's highest version is in
    force, unless its origin is `undone`.
    """

    __tablename__ = "sentence_corrections"
    __table_args__ = (UniqueConstraint("meeting_id", "sentence_id", "version"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    sentence_id: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    part: Mapped[str] = mapped_column(String(8))
    evidence: Mapped[list[Any]]
    original_text: Mapped[str] = mapped_column(Text)
    original_owner: Mapped[str | None] = mapped_column(String(100))
    original_due: Mapped[str | None] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(String(100))
    due: Mapped[str | None] = mapped_column(String(100))
    author: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def written(self) -> SentenceContent:
        return SentenceContent(self.text, self.owner, self.due)

    @property
    def original(self) -> SentenceContent:
        return SentenceContent(self.original_text, self.original_owner, self.original_due)

    @property
    def in_force(self) -> bool:
        """Whether the text differs from the summariser's. Only meaningful for the sentence's last change."""
        return self.written != self.original


@dataclass(frozen=True, slots=True)
class SentenceContent:
    """The text of a sentence, and the `owner` and `due` of an action."""

    text: str
    owner: str | None = None
    due: str | None = None

    def of(self, item: MinutesItem) -> MinutesItem:
        """Return *item* with this content."""
        if isinstance(item, Action):
            return replace(item, text=self.text, owner=self.owner, due=self.due)
        return replace(item, text=self.text)


@dataclass(frozen=True, slots=True)
class FoundSentence:
    """A sentence or action of the last final minutes, with its part and its minutes."""

    summary: Summary
    part: str
    item: Sentence | Action

    @property
    def written(self) -> SentenceContent:
        if isinstance(self.item, Action):
            return SentenceContent(self.item.text, self.item.owner, self.item.due)
        return SentenceContent(self.item.text)


def correct_sentence(
    session: Session,
    meeting_id: str,
    sentence_id: str,
    wanted: Mapping[str, str | None],
    author: str,
    expected_version: int | None = None,
) -> FoundSentence:
    """Change a sentence's `text`, and an action's `owner` and `due`. If nothing changes, no version is added.

    Raises NotFound, Gone, Conflict, InvalidInput when *wanted* gives an owner or due time to a sentence that is not an
    action, and VersionMismatch when the sentence is not at *expected_version*.
    """
    found = _locked(session, meeting_id, sentence_id, expected_version)
    if not isinstance(found.item, Action) and wanted.keys() - {"text"}:
        raise InvalidInput(f"sentence {sentence_id} is not an action and has no 'owner' or 'due'; give 'text' only")
    now_says = found.written
    said = SentenceContent(
        str(wanted.get("text", now_says.text)), wanted.get("owner", now_says.owner), wanted.get("due", now_says.due)
    )
    return _write(session, meeting_id, found, said, author, Origin.EDITED)


def undo_sentence(
    session: Session, meeting_id: str, sentence_id: str, author: str, expected_version: int | None = None
) -> FoundSentence:
    """Restore the summariser's sentence, as a new version. Raises the same errors as `correct_sentence`."""
    found = _locked(session, meeting_id, sentence_id, expected_version)
    last = _last(session, meeting_id, sentence_id)
    original = found.written if last is None else last.original
    return _write(session, meeting_id, found, original, author, Origin.UNDONE)


def find_sentence(session: Session, meeting_id: str, sentence_id: str) -> FoundSentence:
    """Find a sentence in the last final minutes. Raises NotFound, and Conflict while there are no final minutes."""
    final = select(Summary).where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.FINAL)
    summary = session.scalar(final.order_by(Summary.version.desc()).limit(1))
    if summary is None:
        raise Conflict(
            f"meeting '{meeting_id}' has no final minutes yet; rolling minutes are rewritten and cannot be corrected, "
            "so wait until the meeting is finished"
        )
    started_on = session.get_one(Meeting, meeting_id).started_at.date()
    minutes = dated(named(MINUTES.validate_python(summary.body)), started_on)
    found = [(part, item) for part, item in parts(minutes) if item.id == sentence_id]
    if not found:
        raise NotFound(
            f"the final minutes of meeting '{meeting_id}' have no sentence {sentence_id}; GET .../minutes lists the ids"
        )
    return FoundSentence(summary, *found[-1])


def sentence_versions(session: Session, meeting_id: str, sentence_id: str) -> Sequence[SentenceCorrection]:
    """Return all changes of a sentence, oldest first."""
    mine = (SentenceCorrection.meeting_id == meeting_id, SentenceCorrection.sentence_id == sentence_id)
    return session.scalars(select(SentenceCorrection).where(*mine).order_by(SentenceCorrection.version)).all()


def last_changes(session: Session, meeting_id: str) -> Sequence[SentenceCorrection]:
    """Return the last change of every sentence that was ever changed, including undone ones."""
    mine = SentenceCorrection.meeting_id == meeting_id
    key = (SentenceCorrection.sentence_id, SentenceCorrection.version)
    newest = select(SentenceCorrection.sentence_id, func.max(SentenceCorrection.version)).where(mine)
    newest = newest.group_by(SentenceCorrection.sentence_id)
    return session.scalars(
        select(SentenceCorrection).where(mine, tuple_(*key).in_(newest)).order_by(SentenceCorrection.id)
    ).all()


def _last(session: Session, meeting_id: str, sentence_id: str) -> SentenceCorrection | None:
    changes = sentence_versions(session, meeting_id, sentence_id)
    return changes[-1] if changes else None


def _locked(session: Session, meeting_id: str, sentence_id: str, expected_version: int | None) -> FoundSentence:
    lock_meeting(session, meeting_id)
    found = find_sentence(session, meeting_id, sentence_id)
    if expected_version not in (None, found.item.version):
        raise VersionMismatch(
            f"sentence {sentence_id} is at version {found.item.version}, not {expected_version}: somebody changed it "
            "in the meantime; read it again, then send that version in If-Match",
            current_version=found.item.version,
            current_text=found.item.text,
        )
    return found


def _write(
    session: Session, meeting_id: str, found: FoundSentence, wanted: SentenceContent, author: str, origin: Origin
) -> FoundSentence:
    """Add a version of the sentence and have the minutes written again. Raises Conflict at the limit of versions."""
    if wanted == found.written:
        return found
    version = found.item.version + 1
    if version > VERSIONS_LIMIT:
        raise Conflict(f"sentence {found.item.id} has {version - 1} versions, which is the limit; leave it unchanged")
    last = _last(session, meeting_id, found.item.id)
    original = found.written if last is None else last.original
    session.add(
        SentenceCorrection(
            meeting_id=meeting_id,
            sentence_id=found.item.id,
            version=version,
            part=found.part,
            evidence=list(found.item.evidence),
            original_text=original.text,
            original_owner=original.owner,
            original_due=original.due,
            text=wanted.text,
            owner=wanted.owner,
            due=wanted.due,
            author=author,
            origin=origin,
        )
    )

    def change(item: MinutesItem) -> MinutesItem:
        if item.id != found.item.id:
            return item
        now_says = wanted.of(item)
        return replace(now_says, version=version, corrected=wanted != original, support=0.0, supported=False)

    minutes = changed(named(MINUTES.validate_python(found.summary.body)), change)
    found.summary.body = MINUTES.dump_python(minutes, mode="json")
    found.summary.seq = mark_revised(session, meeting_id, 1)
    session.flush()
    return find_sentence(session, meeting_id, found.item.id)
