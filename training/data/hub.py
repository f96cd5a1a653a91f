"""Data sets from a Hugging Face hub by name, through the package `datasets`."""

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
    """The *split* of `OWNER/NAME` or `OWNER/NAME/CONFIG`, such as `openslr/librispeech_asr/clean`. A folder with a copy
    of a data set works too, with the configuration after a slash.

    Columns are found by the names that such data sets use. Audio is written to a temporary folder as it arrives, so
    that it is read and checked like any other file. The folder is removed when the program ends. Raises InvalidData if
    `datasets` is not installed, does not know the name or cannot read the data.
    """
    try:
        import datasets
    except ImportError as error:
        raise InvalidData("Data sets from a hub need the package `datasets`: pip install 'minutebook[hub]'.") from error
    path, config = _dataset_path(name)
    faults = (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError)
    try:
        data = datasets.load_dataset(path, config, split=split, streaming=True)
    except faults as error:
        raise InvalidData(
            f"{name} cannot be loaded: {_one_line(error)}. Check name, configuration and split."
        ) from error
    if "audio" in (data.column_names or ()) and isinstance(data.features["audio"], datasets.Audio):
        data = data.cast_column("audio", datasets.Audio(decode=False))
    try:
        yield from examples(name, data, language)
    except (*faults, ImportError) as error:  # ImportError for audio in files of its own
        raise InvalidData(
            f"{name} cannot be read to its end: {_one_line(error)}. Download it again, or give its folder without hub:."
        ) from error


def _dataset_path(name: str) -> tuple[str, str | None]:
    """The arguments of `load_dataset` for *name*: a path, and a configuration if there is one."""
    folder = Path(name)
    if (folder.parent / CARD).is_file():
        return str(folder.parent), folder.name
    if folder.is_dir():
        return name, None
    owner, _, rest = name.partition("/")
    repository, _, config = rest.partition("/")
    return f"{owner}/{repository}" if repository else owner, config or None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:SHOWN_CHARACTERS].rstrip(".")


def examples(name: str, rows: Any, language: str) -> Iterator[Example | Fault]:
    """The *rows* of a data set, as `datasets` yields them with audio left encoded."""
    folder = Path(tempfile.mkdtemp(prefix="minutebook-hub-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for number, row in enumerate(rows):
        where = f"{name}[{number}]"
        text, summary = _first_column(row, TEXT), _first_column(row, SUMMARY)
        audio = _audio_file(folder, number, row.get("audio"))
        if text is None and audio is None:
            yield Fault(where, f"none of the columns {', '.join(row)} holds text or audio")
            continue
        spoken = str(row.get("locale") or row.get("language") or language)
        group = _first_column(row, GROUP) or ""
        yield Example(
            _first_column(row, IDS) or where, where, audio, text=text, summary=summary, language=spoken, group=group
        )


def _first_column(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), None)


def _audio_file(folder: Path, number: int, audio: Mapping[str, Any] | str | None) -> Path | None:
    """The audio file of a row. If the row holds the bytes of the file, they are written into *folder*."""
    if isinstance(audio, str):
        return Path(audio)
    if audio is None or audio.get("bytes") is None:
        return Path(audio["path"]) if audio and audio.get("path") else None
    path = folder / f"{number}{Path(str(audio.get('path') or '')).suffix or '.flac'}"
    path.write_bytes(audio["bytes"])
    return path
