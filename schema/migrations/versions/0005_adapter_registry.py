"""The registry of adapters: versions with their states, and the decisions about them

Rows that were written by hand before the registry existed are kept as retired versions. Their files were never checked,
so they must be published before they can serve again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OLD_NAME_LENGTH = 64


def upgrade() -> None:
    before = _rows("name", "task", "base_model", "checksum", "facts", "created_at")
    op.drop_table("adapters")
    adapters = op.create_table(
        "adapters",
        sa.Column("id", _id(), nullable=False),
        sa.Column("task", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("base_model", sa.String(length=200), nullable=False),
        sa.Column("base_checksum", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("precision", sa.String(length=16), nullable=False),
        sa.Column("audio_context", sa.Boolean(), nullable=False),
        sa.Column("data_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("checksum", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapters")),
        sa.UniqueConstraint("task", "name", "version", name=op.f("uq_adapters_task_name_version")),
    )
    is_active = sa.text("state = 'active'")
    op.create_index(
        "uq_adapters_active",
        "adapters",
        ["task", "name"],
        unique=True,
        sqlite_where=is_active,
        postgresql_where=is_active,
    )
    _fill(adapters, [_retired(row) for row in before])
    op.create_table(
        "adapter_decisions",
        sa.Column("id", _id(), nullable=False),
        sa.Column("adapter_id", _id(), nullable=False),
        sa.Column("replaced_id", _id(), nullable=True),
        sa.Column("move", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter_id"], ["adapters.id"], name=op.f("fk_adapter_decisions_adapter_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replaced_id"], ["adapters.id"], name=op.f("fk_adapter_decisions_replaced_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapter_decisions")),
    )
    op.create_index(op.f("ix_adapter_decisions_adapter_id"), "adapter_decisions", ["adapter_id"], unique=False)


def downgrade() -> None:
    """Keep the newest version of each name. The folder of its files is lost."""
    after = _rows("name", "task", "base_model", "checksum", "facts", "created_at")
    op.drop_table("adapter_decisions")
    op.drop_table("adapters")
    adapters = op.create_table(
        "adapters",
        sa.Column("id", _id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("task", sa.String(length=16), nullable=False),
        sa.Column("base_model", sa.String(length=200), nullable=False),
        sa.Column("folder", sa.String(length=1000), nullable=False),
        sa.Column("checksum", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapters")),
        sa.UniqueConstraint("name", name=op.f("uq_adapters_name")),
    )
    newest = {row["name"]: {**row, "folder": row["checksum"]} for row in after}
    _fill(adapters, list(newest.values()))


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _rows(*names: str) -> list[dict[str, object]]:
    kinds: dict[str, Any] = {"facts": sa.JSON(), "created_at": sa.DateTime(timezone=True)}
    table = sa.table(
        "adapters", sa.column("id", sa.Integer()), *(sa.column(n, kinds.get(n, sa.String())) for n in names)
    )
    wanted = sa.select(*(table.c[name] for name in names)).order_by(table.c.id)
    return [dict(row) for row in op.get_bind().execute(wanted).mappings()]


def _retired(row: dict[str, object]) -> dict[str, object]:
    unknown = {"base_checksum": "", "method": "", "rank": 0, "precision": "", "audio_context": False}
    return {
        **row,
        "name": str(row["name"])[:OLD_NAME_LENGTH],
        "version": 1,
        "state": "retired",
        **unknown,
        "size_bytes": 0,
        "metrics": {},
    }


def _fill(table: sa.Table, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        op.bulk_insert(table, list(rows))
