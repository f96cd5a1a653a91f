"""The adapters for notes that come with the project: they serve where the settings say so and the registry has none.

summarize/shipped/NAME/    PEFT's files, minutebook.json, the model card, SHA256SUMS
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schema.core.errors import BrokenModel, MinutebookError
from workers.models.cache import MANIFEST, verify_sums

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1] / "summarize/shipped"
NOTES = {"package:gemma-3-270m": "gemma-3-270m-notes"}
"""Models by reference and the adapter that writes notes with them."""
_REMEDY = "Install Minutebook again, or set MINUTEBOOK_SUMMARY_SHIPPED=false to do without it."


@dataclass(slots=True)
class Shipped:
    """An adapter that came with the project. Its name has no version, which tells it from the registry's."""

    name: str
    folder: Path
    _refused: bool = field(default=False, init=False)

    def lend(self, load: Callable[[str, Path], None]) -> bool:
        """Have *load* take in the files. False, and the log says why, when they are damaged or do not fit the model;
        then they are not tried again."""
        if self._refused:
            return False
        try:
            if not (self.folder / MANIFEST).is_file():
                raise BrokenModel(f"{self.folder / MANIFEST} is missing. {_REMEDY}")
            verify_sums(self.folder, _REMEDY)
            load(self.name, self.folder)
        except MinutebookError as error:
            self._refused = True
            log.warning("the shipped adapter %s is left out: %s", self.name, error)
        return not self._refused


def shipped_notes(reference: str, *, wanted: bool = True) -> Shipped | None:
    """The adapter that writes notes with the model *reference*, if one came with the project and is *wanted*."""
    name = NOTES.get(reference) if wanted else None
    return None if name is None else Shipped(name, FOLDER / name)
