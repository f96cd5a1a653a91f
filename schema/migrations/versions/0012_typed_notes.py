"""Notes that people type during a meeting"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "typed_notes",
        sa.Column("id", ID, nullable=False),
        sa.Column("meeting_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at_sample", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=True),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_typed_notes_meeting_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_typed_notes")),
    )
    op.create_index(op.f("ix_typed_notes_meeting_id_at_sample"), "typed_notes", ["meeting_id", "at_sample"])


def downgrade() -> None:
    op.drop_index(op.f("ix_typed_notes_meeting_id_at_sample"), table_name="typed_notes")
    op.drop_table("typed_notes")
