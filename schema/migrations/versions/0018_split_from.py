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
    op.drop_column("tracks", "several")
    op.drop_column("segments", "split_from")
