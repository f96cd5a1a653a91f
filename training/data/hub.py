"""Data sets of a Hugging Face hub by name, through the package `datasets`, for those who have a hub in reach."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schema.core.errors import InvalidData
from training.data.checks import Fault
from training.data.dataset import Example

TEXT = ("text", "sentence", "transcription", "article", "document", "transcript")
SUMMARY = ("summary", "headline", "highlights", "abstract")
GROUP = ("speaker_id", "client_id", "group")
IDS = ("id", "url", "path")
CARD = "README.md"
SHOWN_CHARACTERS = 300


def from_hub(name: str, split: str, language: str) -> Iterator[Example | Fault]:
    """The *split* of `OWNER/NAME` or `OWNER/NAME/CONFIG`, such as `openslr/librispeech_asr/clean`; or of a folder with
    a copy of one, and its configuration behind a slash.

    Columns are found by the names that such data sets use. Audio is written into a temporary folder as it comes, so
    that it is read and checked like any other file; the folder goes when the program ends. Raises InvalidData where
    `datasets` is missing, has no such name or cannot read what it finds.
    """
    try:
        import datasets
    except ImportError as error:
        raise InvalidData("Data sets of a hub need the package `datasets`: pip install 'minutebook[hub]'.") from error
    path, config = _place(name)
    faults = (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError)
    try:
        data = datasets.load_dataset(path, config, split=split, streaming=True)
    except faults as error:
        raise InvalidData(f"{name} cannot be had: {_line(error)}. Check name, configuration and split.") from error
    if "audio" in (data.column_names or ()) and isinstance(data.features["audio"], datasets.Audio):
        data = data.cast_column("audio", datasets.Audio(decode=False))
    try:
        yield from examples(name, data, language)
    except (*faults, ImportError) as error:  # the latter for audio that lies in files of its own
        raise InvalidData(
            f"{name} cannot be read to its end: {_line(error)}. Fetch it again, or give its folder without hub:."
        ) from error


def _place(name: str) -> tuple[str, str | None]:
    """What `load_dataset` takes for *name*: a path, and a configuration that the card in a folder, or a hub, knows."""
    folder = Path(name)
    if (folder.parent / CARD).is_file():
        return str(folder.parent), folder.name
    if folder.is_dir():
        return name, None
    owner, _, rest = name.partition("/")
    repository, _, config = rest.partition("/")
    return f"{owner}/{repository}" if repository else owner, config or None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:SHOWN_CHARACTERS].rstrip(".")


def examples(name: str, rows: Any, language: str) -> Iterator[Example | Fault]:
    """The *rows* of a data set, as `datasets` gives them with undecoded audio."""
    folder = Path(tempfile.mkdtemp(prefix="minutebook-hub-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for number, row in enumerate(rows):
        where = f"{name}[{number}]"
        text, summary = _first(row, TEXT), _first(row, SUMMARY)
        audio = _written(folder, number, row.get("audio"))
        if text is None and audio is None:
            yield Fault(where, f"none of the columns {', '.join(row)} is a text or audio")
            continue
        spoken = str(row.get("locale") or row.get("language") or language)
        group = _first(row, GROUP) or ""
        yield Example(_first(row, IDS) or where, where, audio, text=text, summary=summary, language=spoken, group=group)


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), None)


def _written(folder: Path, number: int, audio: Mapping[str, Any] | str | None) -> Path | None:
    """The file of a row's audio: where it lies, or written into *folder* where the row holds its bytes."""
    if isinstance(audio, str):
        return Path(audio)
    if audio is None or audio.get("bytes") is None:
        return Path(audio["path"]) if audio and audio.get("path") else None
    path = folder / f"{number}{Path(str(audio.get('path') or '')).suffix or '.flac'}"
    path.write_bytes(audio["bytes"])
    return path
