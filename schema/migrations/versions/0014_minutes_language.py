"""The language of the minutes, of a meeting and as the default of a key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("minutes_language", sa.String(length=16), nullable=True))
    op.add_column("api_keys", sa.Column("minutes_language", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "minutes_language")
    op.drop_column("meetings", "minutes_language")
