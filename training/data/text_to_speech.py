"""Reads texts with summaries aloud, to make audio with summaries, which is rare otherwise.

The voices come from flite (http://cmuflite.org, BSD-like licence), a separate program. Its speech is even and clear,
so error rates on it do not carry over to people in a room.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from schema.core.errors import InvalidData, InvalidInput
from schema.core.units import SAMPLE_RATE_HZ
from training.data.dataset import Example
from training.data.transcript_lines import transcript_segments

VOICES = ("slt", "rms", "awb", "kal16")
PROGRAM = "flite"
PAUSE_SAMPLES = SAMPLE_RATE_HZ * 3 // 10
"""Silence between two turns."""
FILLERS = frozenset({"uh", "um", "hmm", "mm", "mm-hmm", "uh-huh", "huh", "ah", "oh"})


def speak(examples: Iterable[Example], folder: Path, name: str, voices: Sequence[str] = VOICES) -> int:
    """Write `FOLDER/NAME.jsonl` and an audio file for each of *examples*. Returns the number of examples.

    A speaker keeps the same voice throughout a meeting. Fillers and broken-off words are skipped; `text` is what is
    read aloud. Existing audio is kept, so the same call resumes an interrupted one. Raises InvalidInput if flite or a
    voice is missing, and InvalidData if an example has nothing to read.
    """
    _check_voices(voices)
    (folder / name).mkdir(parents=True, exist_ok=True)
    rows = [_spoken_row(example, folder, name, voices) for example in examples]
    draft = folder / f".{name}.jsonl"
    draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    os.replace(draft, folder / f"{name}.jsonl")
    return len(rows)


def _check_voices(voices: Sequence[str]) -> None:
    if shutil.which(PROGRAM) is None:
        raise InvalidInput(f"The speech synthesiser {PROGRAM} is not installed. Run: apt-get install {PROGRAM}")
    listed = subprocess.run([PROGRAM, "-lv"], capture_output=True, text=True, check=True).stdout.partition(":")[2]
    for voice in voices:
        if voice not in listed.split():
            raise InvalidInput(f"{PROGRAM} has no voice {voice!r}. It has: {', '.join(listed.split())}.")


def _spoken_row(example: Example, folder: Path, name: str, voices: Sequence[str]) -> dict[str, str | None]:
    turns = [(each.speaker or "", _clean(each.text)) for each in transcript_segments(example.text or "")]
    turns = [(speaker, text) for speaker, text in turns if text]
    if not turns:
        raise InvalidData(f"{example.where}: {example.id} has no words to read aloud. Leave it out.")
    audio = f"{name}/{example.id.replace('/', '-')}.flac"
    if not (folder / audio).exists():
        _write_audio(folder / audio, [(_voice(example.group, speaker, voices), text) for speaker, text in turns])
    return {
        "id": example.id,
        "audio": audio,
        "text": "\n".join(text for _, text in turns),
        "summary": example.summary,
        "group": example.group,
        "language": example.language,
    }


def _clean(text: str) -> str:
    """*text* without fillers and broken-off words; empty if no letter is left."""
    kept = [word for word in text.split() if not word.endswith("-") and word.lower().strip(".,?!") not in FILLERS]
    return " ".join(kept) if any(letter.isalpha() for word in kept for letter in word) else ""


def _voice(group: str, speaker: str, voices: Sequence[str]) -> str:
    return voices[crc32(f"{group}/{speaker}".encode()) % len(voices)]


def _write_audio(path: Path, turns: Sequence[tuple[str, str]]) -> None:
    import soundfile

    pause = np.zeros(PAUSE_SAMPLES, np.int16)
    with TemporaryDirectory(prefix="minutebook-speech-") as temporary:
        parts = [part for voice, text in turns for part in (_synthesise(voice, text, Path(temporary)), pause)]
    draft = path.with_name(f".{path.name}")
    soundfile.write(draft, np.concatenate(parts), SAMPLE_RATE_HZ, "PCM_16", format="FLAC")
    os.replace(draft, path)


def _synthesise(voice: str, text: str, temporary: Path) -> NDArray[np.int16]:
    """Samples (n,) at 16 kHz. Raises InvalidData if flite fails."""
    import soundfile

    words, sound = temporary / "words.txt", temporary / "sound.wav"
    words.write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [PROGRAM, "-voice", voice, "-f", str(words), "-o", str(sound)], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise InvalidData(f"{PROGRAM} cannot read {text[:60]!r}: {ended.stderr.strip()}. Leave the text out.")
    samples, rate_hz = soundfile.read(sound, dtype="int16")
    if rate_hz != SAMPLE_RATE_HZ:
        raise InvalidInput(f"The voice {voice!r} has {rate_hz} Hz. Use one with 16 kHz: {', '.join(VOICES)}.")
    return np.asarray(samples, np.int16)
