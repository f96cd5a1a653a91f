"""Uploads say which sound streams of their file are read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("streams", sa.String(length=200), server_default="auto", nullable=False))


def downgrade() -> None:
    op.drop_column("uploads", "streams")
