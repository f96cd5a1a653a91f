"""Manifests: a table with an example in each line, as JSONL or CSV, or a folder of files that belong together by name.

Columns (keys): `id`, `audio` (a path that counts from the manifest's folder), `start_s`, `end_s`, `text`, `summary`,
`language`, `group`. `text_file` and `summary_file` name files that hold the text. All are optional but for what the
task needs; an id is by default the audio's path, or the line.

In a folder, `talk.flac`, `talk.txt` (what was said) and `talk.summary.txt` are one example.
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
"""With or without the mark that spreadsheets write in front."""


def read_manifest(path: Path, language: str = "en") -> Iterator[Example | Fault]:
    """The examples of a `.jsonl` or `.csv` file (`.gz` too), line by line. Raises InvalidData where it is neither."""
    endings = [ending for ending in path.suffixes if ending != ".gz"]
    rows = {".jsonl": _json_rows, ".csv": _csv_rows, ".tsv": _csv_rows}.get(endings[-1] if endings else "")
    if rows is None:
        raise InvalidData(f"{path} is no manifest; give a .jsonl, .csv or .tsv file, or a folder")
    with opened(path) as file:
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
    """Audio and texts of one name as examples, in the order of their names, subfolders included."""
    names: dict[Path, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*")):
        ending = SUMMARY_ENDING if path.name.lower().endswith(SUMMARY_ENDING) else path.suffix.lower()
        if path.is_file() and ending in (*AUDIO_ENDINGS, ".txt", SUMMARY_ENDING):
            names.setdefault(path.with_name(path.name[: -len(ending)]), {})[ending] = path
    for name, files in names.items():
        yield _together(folder, name, files, language)


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A text file, unpacked if it is gzipped. Raises InvalidData, in the block too where what is read there is none."""
    unpacked = gzip.open if path.suffix == ".gz" else open
    try:
        with cast("TextIO", unpacked(path, "rt", encoding=UTF_8)) as file:
            yield file
    except UnicodeDecodeError as error:
        raise InvalidData(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidData(f"{path} is damaged: {error}. Copy it anew.") from error
    except OSError as error:
        raise InvalidData(f"{path} cannot be opened: {error.strerror}. Correct the path of the data.") from error


def _json_rows(file: TextIO, _delimiter: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line numbers with their objects, or with what is wrong."""
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
                yield reader.line_num, f"not the {len(reader.fieldnames or ())} columns that the first line names"
            else:
                yield reader.line_num, {key: value for key, value in row.items() if value != ""}
    except csv.Error as error:
        yield reader.line_num, f"not CSV: {error}"


def _example(row: Mapping[str, Any], folder: Path, where: str, language: str) -> Example:
    unknown = row.keys() - COLUMNS
    if unknown:
        raise InvalidData(f"unknown column {min(unknown)!r}; there are {', '.join(sorted(COLUMNS))}")
    audio = _text(row, "audio")
    return Example(
        id=_text(row, "id") or audio or where,
        where=where,
        audio=None if audio is None else folder / audio,
        start_s=_seconds(row, "start_s") or 0.0,
        end_s=_seconds(row, "end_s"),
        text=_part(row, "text", folder),
        summary=_part(row, "summary", folder),
        language=_text(row, "language") or language,
        group=_text(row, "group") or "",
    )


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidData(f"{key} is {value!r}; give a text")
    return value


def _seconds(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise InvalidData(f"{key} is {value!r}; give seconds") from error


def _part(row: Mapping[str, Any], key: str, folder: Path) -> str | None:
    name = _text(row, f"{key}_file")
    return _text(row, key) if name is None else read_text(folder / name)


def read_text(path: Path) -> str:
    """A whole text file. Raises InvalidData."""
    try:
        return path.read_text(encoding=UTF_8).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path} cannot be read as UTF-8 text: {error}") from error


def _together(folder: Path, name: Path, files: Mapping[str, Path], language: str) -> Example | Fault:
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
