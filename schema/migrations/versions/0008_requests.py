"""Uploads that answer a request, and meetings that are translated"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("meetings", sa.Column("translate", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("meetings", "translate")
    op.drop_column("uploads", "answer_by")
