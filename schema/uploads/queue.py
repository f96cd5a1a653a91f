"""The queue of uploads: ordered by priority, then fair between owners."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from schema.core.states import UploadState
from schema.uploads.lifecycle import IN_WORK
from schema.uploads.tables import Upload

EXPRESS_BYTES = 2 << 20
"""A minute of uncompressed speech."""
EXPRESS_PLACES = 2


def uploads_to_decode(session: Session, places: int) -> list[str]:
    """Return the uploads that may be decoded now, the most urgent first.

    Small files with a priority above 0 have places of their own, so somebody who waits for a few words does not wait
    for long recordings.
    """
    express = _express(session)
    return [*express, *(each for each in _in_turn(session, places) if each not in express)]


def is_express(upload: Upload) -> bool:
    """Whether the upload may have one of the places for small files that somebody waits for."""
    return upload.priority > 0 and (upload.size_bytes or 0) <= EXPRESS_BYTES


def express_waits(session: Session) -> bool:
    """Whether an upload that has one of these places is not taken by any worker yet."""
    chosen = select(Upload.id).where(Upload.id.in_(_express(session)), Upload.state == UploadState.QUEUED)
    return session.scalar(chosen.limit(1)) is not None


def _express(session: Session) -> list[str]:
    """The smallest files that somebody waits for, the first one of each owner before the second of any."""
    waiting = Upload.state.in_((UploadState.QUEUED, UploadState.DECODING)) & Upload.paused.is_(False)
    small = (Upload.priority > 0) & (Upload.size_bytes <= EXPRESS_BYTES)
    order = (Upload.priority.desc(), Upload.size_bytes, Upload.created_at, Upload.id)
    turn = func.row_number().over(partition_by=Upload.owner, order_by=order)
    chosen = select(Upload.id).where(waiting, small).order_by(turn, *order).limit(EXPRESS_PLACES)
    return list(session.scalars(chosen))


def _in_turn(session: Session, places: int) -> list[str]:
    """The uploads for the usual places.

    *places* is the limit of uploads that are decoded or transcribed at the same time. The order is: higher priority,
    then the first upload of each owner before the second of any owner, then age. A single owner may use all places but
    one, so the first file of another owner starts at once. An upload in transcription keeps its place, because all of
    its audio is already in the mailbox. An upload that is being decoded can lose its place to a more urgent one.
    """
    whole = Upload.state == UploadState.TRANSCRIBING
    order = (case((whole, 0), else_=1), Upload.priority.desc(), Upload.created_at, Upload.id)
    turn = func.row_number().over(partition_by=Upload.owner, order_by=order).label("turn")
    # Pausing only stops the decoder, so a paused upload in transcription still holds its place.
    active = Upload.state.in_(IN_WORK) & (whole | Upload.paused.is_(False))
    ranked = select(Upload.id, Upload.owner, Upload.state, Upload.priority, Upload.created_at, turn).where(active)
    rows = ranked.subquery()
    near = select(rows).where(rows.c.turn <= places)
    found = session.execute(near.order_by(rows.c.priority.desc(), rows.c.turn, rows.c.created_at, rows.c.id)).all()
    taken = Counter(row.owner for row in found if row.state == UploadState.TRANSCRIBING)
    chosen: list[str] = []
    for row in found:
        if row.state == UploadState.TRANSCRIBING or taken.total() >= places or taken[row.owner] >= places - 1:
            continue
        taken[row.owner] += 1
        chosen.append(row.id)
    return chosen
