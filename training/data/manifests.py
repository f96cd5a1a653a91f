"""Manifests: tables with one example per line, as JSONL or CSV. Or a folder whose files belong together by name.

Columns (keys): `id`, `audio` (a path relative to the manifest's folder), `start_s`, `end_s`, `text`, `summary`,
`language`, `group`. `text_file` and `summary_file` name files that hold the text. Only what the task needs is required.
The id defaults to the audio's path, or to the line.

In a folder, `talk.flac`, `talk.txt` (the transcript) and `talk.summary.txt` are one example.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from schema.core.errors import InvalidData
from training.data.checks import Fault
from training.data.dataset import Example

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
COLUMNS = frozenset(
    {"id", "audio", "start_s", "end_s", "text", "text_file", "summary", "summary_file", "language", "group"}
)
SUMMARY_ENDING = ".summary.txt"
FIELD_LIMIT = 16 << 20
UTF_8 = "utf-8-sig"
"""UTF-8 with or without the byte order mark that spreadsheets write."""


def read_manifest(path: Path, language: str = "en") -> Iterator[Example | Fault]:
    """The examples of a `.jsonl`, `.csv` or `.tsv` file, optionally gzipped, line by line. Raises InvalidData for
    others.
    """
    endings = [ending for ending in path.suffixes if ending != ".gz"]
    rows = {".jsonl": _json_rows, ".csv": _csv_rows, ".tsv": _csv_rows}.get(endings[-1] if endings else "")
    if rows is None:
        raise InvalidData(f"{path} is not a manifest; give a .jsonl, .csv or .tsv file, or a folder")
    with open_text(path) as file:
        for number, row in rows(file, "\t" if endings[-1] == ".tsv" else ","):
            where = f"{path.name}:{number}"
            if isinstance(row, str):
                yield Fault(where, row)
                continue
            try:
                yield _example(row, path.parent, where, language)
            except InvalidData as error:
                yield Fault(where, error.detail)


def read_folder(folder: Path, language: str = "en") -> Iterator[Example | Fault]:
    """Audio and text files of the same name as one example each, sorted by name, subfolders included."""
    names: dict[Path, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*")):
        ending = SUMMARY_ENDING if path.name.lower().endswith(SUMMARY_ENDING) else path.suffix.lower()
        if path.is_file() and ending in (*AUDIO_ENDINGS, ".txt", SUMMARY_ENDING):
            names.setdefault(path.with_name(path.name[: -len(ending)]), {})[ending] = path
    for name, files in names.items():
        yield _folder_example(folder, name, files, language)


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file, plain or gzipped. Raises InvalidData, also while the block reads from it."""
    unpacked = gzip.open if path.suffix == ".gz" else open
    try:
        with cast("TextIO", unpacked(path, "rt", encoding=UTF_8)) as file:
            yield file
    except UnicodeDecodeError as error:
        raise InvalidData(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidData(f"{path} is damaged: {error}. Copy it again.") from error
    except OSError as error:
        raise InvalidData(f"{path} cannot be opened: {error.strerror}. Correct the path of the data.") from error


def _json_rows(file: TextIO, _delimiter: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line numbers with the object on each line, or with a description of the fault."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield number, f"not JSON: {error}"
            continue
        yield number, row if isinstance(row, dict) else f"a {type(row).__name__}; each line must be a JSON object"


def _csv_rows(file: TextIO, delimiter: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    csv.field_size_limit(FIELD_LIMIT)
    reader = csv.DictReader(file, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                yield reader.line_num, f"not the {len(reader.fieldnames or ())} columns named in the first line"
            else:
                yield reader.line_num, {key: value for key, value in row.items() if value != ""}
    except csv.Error as error:
        yield reader.line_num, f"not CSV: {error}"


def _example(row: Mapping[str, Any], folder: Path, where: str, language: str) -> Example:
    unknown = row.keys() - COLUMNS
    if unknown:
        raise InvalidData(f"unknown column {min(unknown)!r}; known columns: {', '.join(sorted(COLUMNS))}")
    audio = _text(row, "audio")
    return Example(
        id=_text(row, "id") or audio or where,
        where=where,
        audio=None if audio is None else folder / audio,
        start_s=_seconds(row, "start_s") or 0.0,
        end_s=_seconds(row, "end_s"),
        text=_text_or_file(row, "text", folder),
        summary=_text_or_file(row, "summary", folder),
        language=_text(row, "language") or language,
        group=_text(row, "group") or "",
    )


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidData(f"{key} is {value!r}; give text")
    return value


def _seconds(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise InvalidData(f"{key} is {value!r}; give seconds") from error


def _text_or_file(row: Mapping[str, Any], key: str, folder: Path) -> str | None:
    name = _text(row, f"{key}_file")
    return _text(row, key) if name is None else read_text(folder / name)


def read_text(path: Path) -> str:
    """The content of a text file. Raises InvalidData."""
    try:
        return path.read_text(encoding=UTF_8).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path} cannot be read as UTF-8 text: {error}") from error


def _folder_example(folder: Path, name: Path, files: Mapping[str, Path], language: str) -> Example | Fault:
    name_id = str(name.relative_to(folder))
    audio = [files[ending] for ending in AUDIO_ENDINGS if ending in files]
    where = str((audio or sorted(files.values()))[0].relative_to(folder))
    if len(audio) > 1:
        return Fault(where, f"two audio files, {' and '.join(path.name for path in audio)}; keep one")
    try:
        text, summary = (read_text(files[e]) if e in files else None for e in (".txt", SUMMARY_ENDING))
    except InvalidData as error:
        return Fault(where, error.detail)
    return Example(
        id=name_id, where=where, audio=audio[0] if audio else None, text=text, summary=summary, language=language
    )
