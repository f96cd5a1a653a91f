"""Passages off the record that people mark"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "off_record",
        sa.Column("id", ID, nullable=False),
        sa.Column("meeting_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("first_sample", sa.BigInteger(), nullable=False),
        sa.Column("end_sample", sa.BigInteger(), nullable=True),
        sa.Column("reach_sample", sa.BigInteger(), nullable=True),
        sa.Column("lifted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_off_record_meeting_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_off_record")),
    )
    op.create_index(op.f("ix_off_record_meeting_id_first_sample"), "off_record", ["meeting_id", "first_sample"])


def downgrade() -> None:
    op.drop_index(op.f("ix_off_record_meeting_id_first_sample"), table_name="off_record")
    op.drop_table("off_record")
