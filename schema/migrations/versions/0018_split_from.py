"""Speakers: where a segment was split from, and tracks on which several people speak"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segments", sa.Column("split_from", sa.Integer(), nullable=True))
    op.add_column("tracks", sa.Column("several", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("tracks") as batch:
        batch.drop_column("several")
    with op.batch_alter_table("segments") as batch:
        batch.drop_column("split_from")
