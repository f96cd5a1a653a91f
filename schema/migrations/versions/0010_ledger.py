"""Notes are changes of the ledger of a meeting's minutes. Merged notes are no longer kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PARTS = {"sentences": "point", "decisions": "decision", "actions": "action"}
"""The lists of an old note, and the kind of their items."""
MERGED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NOTES = sa.table(
    "notes", sa.column("id", sa.BigInteger()), sa.column("body", sa.JSON()), sa.column("level", sa.Integer())
)


def upgrade() -> None:
    connection = op.get_bind()
    connection.execute(sa.delete(NOTES).where(NOTES.c.level > 0))
    for note_id, body in connection.execute(sa.select(NOTES.c.id, NOTES.c.body)).all():
        changed = _changes(json.loads(body) if isinstance(body, str) else body, note_id)
        connection.execute(sa.update(NOTES).where(NOTES.c.id == note_id).values(body=changed))
    with _segments_keep_their_notes(connection), op.batch_alter_table("notes") as notes:
        notes.drop_constraint(op.f("uq_notes_meeting_id_level_ordinal"), type_="unique")
        notes.drop_constraint(op.f("fk_notes_merged_into"), type_="foreignkey")
        notes.drop_column("merged_into")
        notes.drop_column("level")
        notes.create_unique_constraint(op.f("uq_notes_meeting_id_ordinal"), ["meeting_id", "ordinal"])


@contextmanager
def _segments_keep_their_notes(connection: sa.Connection) -> Iterator[None]:
    """SQLite changes a table by a copy. When the old one goes, the foreign key of the segments would be emptied."""
    connection.execute(sa.text("CREATE TEMPORARY TABLE noted AS SELECT id, note_id FROM segments"))
    yield
    kept = "UPDATE segments SET note_id = (SELECT note_id FROM noted WHERE noted.id = segments.id)"
    connection.execute(sa.text(kept))
    connection.execute(sa.text("DROP TABLE noted"))


def _changes(body: dict[str, Any], note_id: int) -> dict[str, Any]:
    """The body of an old note as changes. Items get ids of their own, since later notes cannot refer to them."""
    items = [(kind, item) for part, kind in PARTS.items() for item in body.get(part, [])]
    return {
        **{key: body[key] for key in ("first_sample", "end_sample", "title")},
        "changes": [
            {
                "change": "add",
                "item": f"n{note_id}-{number}",
                "kind": kind,
                **{key: item.get(key) for key in ("text", "owner", "due", "evidence", "support", "supported")},
            }
            for number, (kind, item) in enumerate(items)
        ],
    }


def downgrade() -> None:
    """Notes lose their content: what was said in them stays in the minutes that were written."""
    with _segments_keep_their_notes(op.get_bind()), op.batch_alter_table("notes") as notes:
        notes.drop_constraint(op.f("uq_notes_meeting_id_ordinal"), type_="unique")
        notes.add_column(sa.Column("level", sa.Integer(), nullable=False, server_default="0"))
        notes.add_column(sa.Column("merged_into", MERGED, nullable=True))
        notes.create_foreign_key(op.f("fk_notes_merged_into"), "notes", ["merged_into"], ["id"], ondelete="SET NULL")
        notes.create_unique_constraint(op.f("uq_notes_meeting_id_level_ordinal"), ["meeting_id", "level", "ordinal"])
    op.execute(sa.text("UPDATE notes SET body = '{}'"))
