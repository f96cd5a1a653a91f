"""The date of a recording, where a meeting's date and title come from, and the metadata of tus"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("meetings", sa.Column("recorded_offset_s", sa.Integer(), nullable=True))
    op.add_column("meetings", sa.Column("recorded_from", sa.String(length=16), nullable=True))
    op.add_column("meetings", sa.Column("title_from", sa.String(length=16), nullable=True))
    op.add_column("meetings", sa.Column("tus_metadata", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("meetings", "tus_metadata")
    op.drop_column("meetings", "title_from")
    op.drop_column("meetings", "recorded_from")
    op.drop_column("meetings", "recorded_offset_s")
    op.drop_column("meetings", "recorded_at")
