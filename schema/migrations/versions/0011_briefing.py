"""Participants and agenda of a meeting"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("participants", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("meetings", sa.Column("agenda", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("meetings", "agenda")
    op.drop_column("meetings", "participants")
