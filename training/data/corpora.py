"""Layouts of known corpora on disk. Each function streams the examples of one split.

librispeech    FOLDER/SPLIT/READER/CHAPTER/READER-CHAPTER.trans.txt, with FLAC files next to it
common_voice   FOLDER/SPLIT.tsv, FOLDER/clips/*.mp3
gazeta         FOLDER/gazeta_SPLIT.jsonl: {"title", "text", "summary", "url", "date"}
wikihow        FOLDER/wikihowAll.csv, FOLDER/all_SPLIT.txt with the titles of the split
how2           FOLDER/SPLIT/: Kaldi's `text`, `segments`, `wav.scp`; `summary` with "recording summary" lines
clips          FOLDER/manifest.csv: "file" and optionally "reference", a text file
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from schema.core.errors import InvalidData
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.manifests import FIELD_LIMIT, open_text, read_text

Stream = Iterator[Example | Fault]


def librispeech(folder: Path, split: str, language: str) -> Stream:
    """Utterances of a split such as `train-clean-100` or `test-other`. The group is the reader."""
    for transcript in sorted(_split_folder(folder / split).glob("*/*/*.trans.txt")):
        for where, line in _lines(transcript):
            name, _, text = line.partition(" ")
            audio = transcript.with_name(f"{name}.flac")
            yield Example(name, where, audio, text=text.lower(), language=language, group=name.split("-")[0])


def common_voice(folder: Path, split: str, language: str) -> Stream:
    """Clips of `train`, `dev`, `test` or `validated`. The group is the client, the language the corpus's own."""
    path = folder / f"{split}.tsv"
    with open_text(path) as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        for row in reader:
            where = f"{path.name}:{reader.line_num}"
            if row.get("path") is None or row.get("sentence") is None:
                yield Fault(where, "path or sentence is missing; the columns path, sentence and client_id are needed")
                continue
            clip, group = folder / "clips" / row["path"], row.get("client_id") or ""
            spoken = row.get("locale") or language
            yield Example(row["path"], where, clip, text=row["sentence"], language=spoken, group=group)


def gazeta(folder: Path, split: str, _language: str) -> Stream:
    """Russian news. Splits: `train`, `val`, `test`."""
    path = folder / f"gazeta_{split}.jsonl"
    for where, line in _lines(path):
        try:
            row = json.loads(line)
            name, text, summary = str(row.get("url") or where), str(row["text"]), str(row["summary"])
        except (ValueError, KeyError, AttributeError) as error:
            yield Fault(where, f"not an object with text and summary: {error!r}")
            continue
        yield Example(name, where, text=text, summary=summary, language="ru")


def wikihow(folder: Path, split: str, _language: str) -> Stream:
    """Articles with their bold lines as the summary, in the authors' splits `train`, `val` and `test`.

    Follows the authors: articles hardly longer than their summary are skipped, and doubled commas are removed.
    """
    titles = {_title(line) for _, line in _lines(folder / f"all_{split}.txt")}
    csv.field_size_limit(FIELD_LIMIT)
    seen: dict[str, int] = {}
    with open_text(folder / "wikihowAll.csv") as file:
        reader = csv.DictReader(file)
        for row in reader:
            text, summary, title = (row.get(key) or "" for key in ("text", "headline", "title"))
            if _title(title) not in titles or not text or len(summary) >= 0.75 * len(text):
                continue
            seen[title] = seen.get(title, 0) + 1
            name = title if seen[title] == 1 else f"{title} ({seen[title]})"
            where = f"wikihowAll.csv:{reader.line_num}"
            yield Example(
                name, where, text=_without_stray_commas(text), summary=_without_stray_commas(summary.replace(".,", "."))
            )


def how2(folder: Path, split: str, language: str) -> Stream:
    """Instructional videos as Kaldi folders: whole recordings if the file `summary` exists, otherwise utterances.

    Paths in `wav.scp` are relative to FOLDER. Without that file the audio is `FOLDER/wav/RECORDING.wav`.
    """
    part = _split_folder(folder / split)
    texts = _table(part / "text")
    spans = {key: value.split() for key, value in _table(part / "segments").items()}
    audio = _table(part / "wav.scp") if (part / "wav.scp").exists() else {}
    if (part / "summary").exists():
        yield from _whole_recordings(folder, part, texts, spans, audio, language)
        return
    for name, text in texts.items():
        where = f"{split}/text:{name}"
        if len(spans.get(name, ())) != 3:
            yield Fault(where, "segments has no line `id recording start end` for it")
            continue
        recording, first_s, end_s = spans[name]
        path = _audio_path(folder, audio, recording)
        yield Example(name, where, path, float(first_s), float(end_s), text, language=language, group=recording)


def _whole_recordings(
    folder: Path,
    part: Path,
    texts: Mapping[str, str],
    spans: Mapping[str, list[str]],
    audio: Mapping[str, str],
    language: str,
) -> Stream:
    utterances: dict[str, list[tuple[float, str]]] = {}
    for name, (recording, first_s, *_) in spans.items():
        utterances.setdefault(recording, []).append((float(first_s), texts.get(name, "")))
    for recording, summary in _table(part / "summary").items():
        text = " ".join(text for _, text in sorted(utterances.get(recording, []))) or None
        path = _audio_path(folder, audio, recording)
        where = f"{part.name}/summary:{recording}"
        yield Example(recording, where, path, text=text, summary=summary, language=language, group=recording)


def clips(folder: Path, _split: str, language: str) -> Stream:
    """Recordings listed in `manifest.csv` with the columns file, language, reference (a text file) and speaker.

    Marks in brackets, which stand for noises, are removed from a reference. So are speaker letters ("A: Okay.") if
    every line begins with one.
    """
    root = folder if (folder / "manifest.csv").exists() else folder.parent
    with open_text(folder / "manifest.csv") as file:
        reader = csv.DictReader(file)
        for row in reader:
            where = f"manifest.csv:{reader.line_num}"
            try:
                audio, text = _clip_files(root, row)
            except InvalidData as error:
                yield Fault(where, error.detail)
                continue
            group, spoken = row.get("speaker") or "", row.get("language") or language
            yield Example(row["file"], where, audio, text=text, language=spoken, group=group)


def _clip_files(root: Path, row: Mapping[str, str]) -> tuple[Path, str | None]:
    name, reference = row.get("file"), row.get("reference")
    if not name:
        raise InvalidData("the column file is empty; name the audio file there")
    audio = root / name
    # A list next to its clips may name them relative to the parent folder.
    audio = audio if audio.exists() else root.parent / name
    return audio, _reference_words(read_text(root / reference)) if reference else None


def _reference_words(reference: str) -> str:
    lines = reference.splitlines()
    if all(re.match(r"[A-Z]: ", line) for line in lines):
        lines = [line[3:] for line in lines]
    return " ".join(re.sub(r"\[\w+\]|<\w+>", " ", " ".join(lines)).split())


def _audio_path(folder: Path, table: Mapping[str, str], recording: str) -> Path:
    return folder / table[recording] if recording in table else folder / "wav" / f"{recording}.wav"


def _table(path: Path) -> dict[str, str]:
    """A Kaldi file: on each line a name, then its value."""
    pairs = (line.partition(" ") for _, line in _lines(path))
    return {name: rest.strip() for name, _, rest in pairs}


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"{path.name}:{number}", line.strip()


def _split_folder(path: Path) -> Path:
    if not path.is_dir():
        there = sorted(each.name for each in path.parent.glob("*") if each.is_dir()) if path.parent.is_dir() else []
        raise InvalidData(f"There is no folder {path}. Available splits: {', '.join(there[:20]) or 'none'}.")
    return path


def _title(text: str) -> str:
    """The title without anything but letters and digits, as the files of the splits have it."""
    return re.sub(r"[\W_]+", "", text).lower()


def _without_stray_commas(text: str) -> str:
    return re.sub(r"[.]+[\n]+[,]", ".\n", re.sub(r",{2,}", ",", text)).strip()
