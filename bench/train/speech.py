"""Prepares the speech that a sweep trains and is measured on, as manifests.

    python -m bench.train.speech var/speech [--shared FOLDER] [--teacher package:base]
    python -m bench.train.speech var/noisy --noise-db 3 --of var/speech

`train.jsonl` and `tune.jsonl` are clips without text, one from each reader, transcribed by the *teacher*: a small model
learns from a larger one. `dev.jsonl` is read speech of other people with its text; no setting is chosen on it. The
second command adds noise to all clips and keeps the texts of the clean ones.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import soundfile

from deploy.fresh import ROOT
from schema.core.errors import Unavailable
from schema.core.settings import settings
from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_S
from training.data import read_audio
from training.data.dataset import Example
from workers.asr.engine import load_engine
from workers.asr.hypothesis import Window
from workers.asr.streaming.guard import Judgement, transcribe_guarded

TUNE_EVERY = 10
AT_ONCE = 16
SEVERAL_VOICES = ("ami", "meeting_IS1008a")
MARKED = "mfa"
"""Its references contain marks that are not words."""
ManifestRow = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.train.speech")
    shared = Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--teacher", default="package:base")
    parser.add_argument("--noise-db", type=float, help="signal-to-noise ratio of the added pink noise")
    parser.add_argument("--of", type=Path, help="the folder whose clips get noise")
    arguments = parser.parse_args()
    if (arguments.of is None) != (arguments.noise_db is None):
        parser.error("--noise-db and --of belong together")
    if arguments.of is not None:
        for path in sorted(arguments.of.glob("*.jsonl")):
            _write(
                arguments.out / path.name, [with_noise(row, arguments.out, arguments.noise_db) for row in _rows(path)]
            )
        return
    audio = arguments.shared / "audio"
    read = transcribe_with_teacher(_table(audio / "unlabelled/manifest.csv"), audio, arguments.teacher)
    _write(arguments.out / "train.jsonl", [row for at, row in enumerate(read) if at % TUNE_EVERY])
    _write(arguments.out / "tune.jsonl", read[::TUNE_EVERY])
    _write(arguments.out / "dev.jsonl", list(labelled_rows(_table(audio / "manifest.csv"), audio)))


def labelled_rows(table: Sequence[ManifestRow], audio: Path) -> Iterator[ManifestRow]:
    """English read speech. The group is the reader, if known."""
    for row in table:
        source, _, name = row["file"].partition("/")
        if row["language"] != "en" or source in (*SEVERAL_VOICES, MARKED) or float(row["duration_s"]) > WINDOW_LIMIT_S:
            continue
        reader = {"librispeech": name.split("-")[0], "fleurs": name}.get(source, source)
        text = (audio / row["reference"]).read_text(encoding="utf-8").strip().lower()
        yield {"id": row["file"], "audio": str(audio / row["file"]), "text": text, "group": reader}


def transcribe_with_teacher(table: Sequence[ManifestRow], audio: Path, teacher: str) -> list[ManifestRow]:
    """Transcripts of the clips by *teacher*. Clips that its guard rejects are left out."""
    engine = load_engine(teacher, settings().models, "bfloat16", stride=1)
    rows: list[ManifestRow] = []
    for first in range(0, len(table), AT_ONCE):
        clips = table[first : first + AT_ONCE]
        examples = [Example(row["file"], row["file"], audio / row["file"]) for row in clips]
        readings = transcribe_guarded(engine, [Window(read_audio(example)) for example in examples])
        for row, (hypothesis, verdict) in zip(clips, readings, strict=True):
            if verdict.judgement is Judgement.OK:
                path, text = str(audio / row["file"]), hypothesis.text.strip()
                rows.append({"id": row["file"], "audio": path, "text": text, "group": row["speaker"]})
    return rows


def with_noise(row: ManifestRow, folder: Path, below_db: float) -> ManifestRow:
    """*row* with the path of a noisy copy of its audio, which is the same every time."""
    samples = read_audio(Example(row["id"], row["id"], Path(row["audio"]))).astype(np.float64)
    rng = np.random.default_rng(int.from_bytes(sha256(row["id"].encode()).digest()[:8]))
    spectrum = np.fft.rfft(rng.normal(size=len(samples)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), n=len(samples))
    noise *= np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-below_db / 20)
    path = folder / "audio" / Path(row["id"]).with_suffix(".flac").name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.clip(samples + noise, -32_768, 32_767).astype(np.int16), SAMPLE_RATE_HZ)
    return {**row, "audio": str(path.resolve())}


def _rows(path: Path) -> list[ManifestRow]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _table(path: Path) -> list[ManifestRow]:
    if not path.is_file():
        raise Unavailable(f"{path} is missing. Give --shared, a folder with audio/manifest.csv.")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: Sequence[ManifestRow]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{path}: {len(rows)} clips")


if __name__ == "__main__":
    main()
