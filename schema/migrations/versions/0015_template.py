"""The template of the minutes, of a meeting and as the default of a key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("template", sa.String(length=40), nullable=True))
    op.add_column("api_keys", sa.Column("template", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "template")
    op.drop_column("meetings", "template")
