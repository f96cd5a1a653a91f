"""Uploads that read the kept audio of a meeting instead of a file"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("audio_of", sa.String(length=32), nullable=True))
    op.create_index("ix_uploads_audio_of", "uploads", ["audio_of"])


def downgrade() -> None:
    op.drop_index("ix_uploads_audio_of", table_name="uploads")
    op.drop_column("uploads", "audio_of")
