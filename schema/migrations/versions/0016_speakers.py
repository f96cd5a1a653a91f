"""Speakers: people, units of speech, and how far each track was listened to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", KEY, nullable=False),
        sa.Column("meeting_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("same_as", sa.Integer(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name="fk_people_meeting_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("meeting_id", "number", name="uq_people_meeting_id_number"),
    )
    op.create_table(
        "voice_units",
        sa.Column("id", KEY, nullable=False),
        sa.Column("meeting_id", sa.String(length=32), nullable=False),
        sa.Column("track_id", sa.String(length=32), nullable=False),
        sa.Column("first_sample", sa.BigInteger(), nullable=False),
        sa.Column("end_sample", sa.BigInteger(), nullable=False),
        sa.Column("clean_samples", sa.Integer(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name="fk_voice_units_meeting_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], name="fk_voice_units_track_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_voice_units"),
        sa.UniqueConstraint("track_id", "first_sample", name="uq_voice_units_track_id_first_sample"),
    )
    op.create_index("ix_voice_units_meeting_id_id", "voice_units", ["meeting_id", "id"])
    op.add_column("meetings", sa.Column("speakers", sa.String(length=8), nullable=True))
    op.add_column("meetings", sa.Column("people_settled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("tracks", sa.Column("heard_sample", sa.BigInteger(), nullable=True))
    op.add_column("tracks", sa.Column("heard_epoch", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("tracks", sa.Column("unheard", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("segments", sa.Column("person", sa.Integer(), nullable=True))
    op.add_column("segments", sa.Column("speaker_from", sa.String(length=8), nullable=True))
    op.add_column("segments", sa.Column("overlapped", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for table, column in (
        *(("segments", name) for name in ("overlapped", "speaker_from", "person")),
        *(("tracks", name) for name in ("unheard", "heard_epoch", "heard_sample")),
        *(("meetings", name) for name in ("people_settled", "speakers")),
    ):
        op.drop_column(table, column)
    op.drop_index("ix_voice_units_meeting_id_id", table_name="voice_units")
    op.drop_table("voice_units")
    op.drop_table("people")
