"""The registry of adapters in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from schema.core.states import AdapterState
from schema.core.tables import Base, Id, now


class Adapter(Base):
    """A version of a trained adapter. Its files are in the store under `checksum`; see `schema.adapters.registry`.

    * `base_model` names the model that the adapter was trained for. `base_checksum` is the checksum of that model's
      weights. `precision` is the precision that the model had during training.
    * `rank` is the largest rank of any layer. With AdaLoRA the layers differ, and `facts` has the rank of each.
    """

    __tablename__ = "adapters"
    __table_args__ = (
        UniqueConstraint("task", "name", "version"),
        Index(
            "uq_adapters_active",
            "task",
            "name",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    task: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16), default=AdapterState.DRAFT)
    base_model: Mapped[str] = mapped_column(String(200))
    base_checksum: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(16))
    rank: Mapped[int]
    precision: Mapped[str] = mapped_column(String(16))
    audio_context: Mapped[bool] = mapped_column(default=False)
    data_fingerprint: Mapped[str | None] = mapped_column(String(64))
    checksum: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def label(self) -> str:
        """`NAME@VERSION`, the label in segments and summaries."""
        return f"{self.name}@{self.version}"


class AdapterDecision(Base):
    """A decision about a version: who made it, why, and the `figures` of the quality gate.

    `replaced_id` is the version that was active before. None stands for the bare base model.
    """

    __tablename__ = "adapter_decisions"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapters.id", ondelete="CASCADE"), index=True)
    replaced_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id", ondelete="SET NULL"))
    move: Mapped[str] = mapped_column(String(16))
    decided_by: Mapped[str] = mapped_column(String(100))
    forced: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None] = mapped_column(String(500))
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
