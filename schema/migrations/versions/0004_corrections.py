"""Corrections of transcripts; several versions of one meeting

Columns are added and dropped in place. Copying a table would lose the triggers of the full-text search.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def added() -> list[tuple[str, sa.Column[Any]]]:
    return [
        ("meetings", sa.Column("version", sa.Integer(), nullable=False, server_default="1")),
        ("meetings", sa.Column("version_of", sa.String(length=32), nullable=True)),
        ("meetings", sa.Column("made_from", sa.String(length=32), nullable=True)),
        ("meetings", sa.Column("shown", sa.Boolean(), nullable=False, server_default=sa.true())),
        ("meetings", sa.Column("revised_seq", sa.BigInteger(), nullable=True)),
        ("meetings", sa.Column("notes_seq", sa.BigInteger(), nullable=False, server_default="0")),
        ("segments", sa.Column("version", sa.Integer(), nullable=False, server_default="1")),
        ("segments", sa.Column("corrected", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("uploads", sa.Column("file_of", sa.String(length=32), nullable=True)),
    ]


def upgrade() -> None:
    for table, column in added():
        op.add_column(table, column)
    op.create_index(op.f("ix_meetings_revised_seq"), "meetings", ["revised_seq"], unique=False)
    op.create_index(op.f("ix_meetings_version_of_version"), "meetings", ["version_of", "version"], unique=True)
    op.create_index(op.f("ix_uploads_file_of"), "uploads", ["file_of"], unique=False)
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meeting_id", sa.String(length=32), nullable=False),
        sa.Column("track_id", sa.String(length=32), nullable=True),
        sa.Column("segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("first_sample", sa.BigInteger(), nullable=False),
        sa.Column("end_sample", sa.BigInteger(), nullable=False),
        sa.Column("original_text", sa.Text(), nullable=False),
        sa.Column("original_speaker", sa.String(length=100), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("speaker", sa.String(length=100), nullable=True),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_corrections_meeting_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segments.id"], name=op.f("fk_corrections_segment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], name=op.f("fk_corrections_track_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("segment_id", "version", name=op.f("uq_corrections_segment_id_version")),
    )
    op.create_index(op.f("ix_corrections_meeting_id_id"), "corrections", ["meeting_id", "id"], unique=False)
    op.create_index(op.f("ix_corrections_track_id"), "corrections", ["track_id"], unique=False)


def downgrade() -> None:
    op.drop_table("corrections")
    op.drop_index(op.f("ix_uploads_file_of"), table_name="uploads")
    op.drop_index(op.f("ix_meetings_version_of_version"), table_name="meetings")
    op.drop_index(op.f("ix_meetings_revised_seq"), table_name="meetings")
    for table, column in reversed(added()):
        op.drop_column(table, column.name)
