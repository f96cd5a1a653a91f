"""Wire types of the adapter registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from schema.core.errors import InvalidInput
from schema.core.states import AdapterMove, AdapterState, AdapterTask
from schema.core.wire import Characters, Text, Wire


class AdapterOut(Wire):
    """An adapter version. `label` is its label in segments and minutes. `rank` is the largest rank of any layer."""

    label: str
    task: AdapterTask
    name: str
    version: int
    state: AdapterState
    base_model: str
    base_checksum: str
    method: str
    rank: int
    precision: str
    audio_context: bool
    data_fingerprint: str | None
    checksum: str
    size_bytes: int
    metrics: dict[str, Any]
    facts: dict[str, Any]
    created_at: datetime


class DecisionOut(Wire):
    """A decision about a version. `replaced` is the version that was active before; None stands for the bare model."""

    move: AdapterMove
    adapter: str
    replaced: str | None
    decided_by: str
    forced: bool
    reason: str | None
    figures: dict[str, Any]
    created_at: datetime


class AdapterList(Wire):
    adapters: list[AdapterOut]


class AdapterHistory(Wire):
    """An adapter's versions and the decisions about them, both newest first."""

    versions: list[AdapterOut]
    decisions: list[DecisionOut]


LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(@[1-9][0-9]{0,5})?$"
Reason = Annotated[Text, Characters(500, least=1)]


class AdapterChange(Wire):
    """Why somebody changes what an adapter does. It is stored with the decision."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "worse for the new ward"}]})
    reason: Reason | None = None


class AdapterPromotion(Wire):
    """A promotion without a comparison on test data. `replaces` is the version that is active now, or null."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "compared by hand", "replaces": "medical-terms@2"}]}
    )
    reason: Reason
    replaces: str | None = Field(default=None, pattern=LABEL_PATTERN)


ALPHA_LIMIT = 65_504
"""The largest number in 16 bits. A larger alpha makes the sums of a layer infinite; those in use are below 1000."""


@dataclass(frozen=True, slots=True)
class AdapterLabel:
    """The name of an adapter (`clinic`), or of one version (`clinic@3`)."""

    name: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> AdapterLabel:
        """Parse a label. Raises InvalidInput."""
        if not re.fullmatch(LABEL_PATTERN, text):
            raise InvalidInput(
                f"'{text[:80]}' is not the name of an adapter; use letters, digits, '_' and '-' (at most 64), "
                "and NAME@VERSION for one version"
            )
        name, _, version = text.partition("@")
        return cls(name, int(version) if version else None)
