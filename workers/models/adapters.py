"""Adapters from the registry and adapters that come with Minutebook. Their files are checked before they are loaded."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from schema.adapters.tables import Adapter
from schema.adapters.wire import AdapterLabel
from schema.core.database import Database
from schema.core.errors import BrokenModel, MinutebookError, Unavailable, UnknownAdapter
from schema.core.states import AdapterTask
from workers.models.cache import MANIFEST, verify_sums

log = logging.getLogger(__name__)

TRY_AGAIN_S = 30.0
"""An adapter that could not be loaded is left out for this long, so that not every step tries again."""


class AdapterStore:
    """The published adapters for one task. An adapter that could not be loaded is not tried again for TRY_AGAIN_S."""

    def __init__(self, database: Database, store: Path, task: AdapterTask) -> None:
        self.database = database
        self.store = store
        self.task = task
        self._missed: dict[str, float] = {}

    def lend(self, label: str, load: Callable[[str, Path], None]) -> bool:
        """Call *load* with *label*, which is `NAME@VERSION`, and the folder of its checked files.

        Returns False if the adapter is unknown, damaged or does not fit. Raises Unavailable.
        """
        if self._missed.get(label, 0.0) > time.monotonic():
            return False
        try:
            load(label, self._folder(label))
        except Unavailable:
            raise
        except MinutebookError as error:
            self._missed[label] = time.monotonic() + TRY_AGAIN_S
            log.warning("%s adapter %s is left out for %.0f s: %s", self.task, label, TRY_AGAIN_S, error)
            return False
        self._missed.pop(label, None)
        return True

    def _folder(self, label: str) -> Path:
        wanted = AdapterLabel.parse(label)
        with self.database.read() as session:
            version = (Adapter.task == self.task, Adapter.name == wanted.name, Adapter.version == wanted.version)
            checksum = session.scalar(select(Adapter.checksum).where(*version))
        if checksum is None:
            raise UnknownAdapter(f"the registry has no {self.task} adapter '{label}'; publish it")
        return stored(self.store, checksum)


def stored(store: Path, checksum: str) -> Path:
    """The folder of the adapter with *checksum*, after checking all of its files. Raises BrokenModel."""
    folder = store / checksum
    remedy = "Publish the adapter again, or set MINUTEBOOK_ADAPTER_DIR to the folder that has it."
    try:
        found = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise BrokenModel(f"{folder / MANIFEST} cannot be read ({error.strerror}). {remedy}") from error
    if found != checksum:
        raise BrokenModel(f"{folder / MANIFEST} is not what was published. {remedy}")
    verify_sums(folder, remedy)
    return folder


FOLDER = Path(__file__).parents[1] / "summarize/shipped"
NOTES = {"package:gemma-3-270m": "gemma-3-270m-notes"}
"""The adapter that writes notes, by the reference of its model."""
_REMEDY = "Install Minutebook again, or set MINUTEBOOK_SUMMARY_SHIPPED=false to work without it."


@dataclass(slots=True)
class ShippedAdapter:
    """An adapter that comes with Minutebook. Unlike those of the registry, its name has no version."""

    name: str
    folder: Path
    _refused: bool = field(default=False, init=False)

    def lend(self, load: Callable[[str, Path], None]) -> bool:
        """Call *load* with the name and the folder of the checked files.

        Returns False if the adapter is damaged or does not fit the model. It is then not tried again, and the log says
        why.
        """
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


def shipped_notes(reference: str, *, wanted: bool = True) -> ShippedAdapter | None:
    """The included adapter that writes notes with the model *reference*; None without one, or if it is not *wanted*."""
    name = NOTES.get(reference) if wanted else None
    return None if name is None else ShippedAdapter(name, FOLDER / name)
