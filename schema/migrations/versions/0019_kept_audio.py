"""The audio of meetings is kept in pieces"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audio_pieces",
        sa.Column("file_id", sa.String(24), nullable=False),
        sa.Column("meeting_id", sa.String(32), nullable=False),
        sa.Column("track_id", sa.String(32), nullable=False),
        sa.Column("first_sample", sa.BigInteger(), nullable=False),
        sa.Column("end_sample", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name="fk_audio_pieces_meeting_id"),
        sa.PrimaryKeyConstraint("file_id", name="pk_audio_pieces"),
        sa.UniqueConstraint("track_id", "first_sample", name="uq_audio_pieces_track_id_first_sample"),
    )
    op.create_index("ix_audio_pieces_meeting_id", "audio_pieces", ["meeting_id"])
    op.add_column("tracks", sa.Column("kept_sample", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("meetings", sa.Column("keeps_audio", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("meetings", "keeps_audio")
    op.drop_column("tracks", "kept_sample")
    op.drop_table("audio_pieces")
