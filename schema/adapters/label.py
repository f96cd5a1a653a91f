"""How an adapter is called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schema.core.errors import InvalidInput

LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(@[1-9][0-9]{0,5})?$"


@dataclass(frozen=True, slots=True)
class AdapterLabel:
    """`clinic`, or `clinic@3` for one version of it."""

    name: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> AdapterLabel:
        """Raises InvalidInput."""
        if not re.fullmatch(LABEL_PATTERN, text):
            raise InvalidInput(
                f"'{text[:80]}' is no name of an adapter; use letters, digits, '_' and '-' (64 at most), "
                "and NAME@VERSION for one version"
            )
        name, _, version = text.partition("@")
        return cls(name, int(version) if version else None)
