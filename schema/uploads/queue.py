"""Which uploads are to be in work: by priority, and in turn between owners."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from schema.core.states import UploadState
from schema.uploads.lifecycle import IN_WORK
from schema.uploads.tables import Upload


def uploads_to_decode(session: Session, places: int) -> list[str]:
    """The uploads that may be decoded now, the most urgent first.

    At most *places* are in decoding or transcription. They go by priority, then each owner's first before anybody's
    second, then by age. One owner alone leaves a place free, so that the first file of another begins at once. What
    is in its mailbox whole keeps its place until it is transcribed; what is only being decoded can lose it.
    """
    whole = Upload.state == UploadState.TRANSCRIBING
    order = (case((whole, 0), else_=1), Upload.priority.desc(), Upload.created_at, Upload.id)
    turn = func.row_number().over(partition_by=Upload.owner, order_by=order).label("turn")
    # A paused one that is whole is still transcribed; pausing stops the decoder.
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
