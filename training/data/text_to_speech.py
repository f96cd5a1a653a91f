"""Texts with summaries, read out by a machine: audio with summaries, which is rare, made of what is not.

The voices are those of flite (http://cmuflite.org, a licence as free as BSD's), a program of its own. Such speech is
even and clear; error rates on it are not those of people in a room.
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
from training.data.transcript_lines import said_in

VOICES = ("slt", "rms", "awb", "kal16")
PROGRAM = "flite"
PAUSE_SAMPLES = SAMPLE_RATE_HZ * 3 // 10
"""Between two turns."""
FILLERS = frozenset({"uh", "um", "hmm", "mm", "mm-hmm", "uh-huh", "huh", "ah", "oh"})


def speak(examples: Iterable[Example], folder: Path, name: str, voices: Sequence[str] = VOICES) -> int:
    """Write `FOLDER/NAME.jsonl` and an audio file for each of *examples*, and say how many there are.

    A speaker keeps a voice through a meeting. Fillers and words that break off are not read out; `text` is what is.
    Audio that is there is kept, so the same call goes on with what was stopped. Raises InvalidInput where flite or a
    voice is missing, InvalidData where an example has nothing to read out.
    """
    _check(voices)
    (folder / name).mkdir(parents=True, exist_ok=True)
    rows = [_spoken(example, folder, name, voices) for example in examples]
    draft = folder / f".{name}.jsonl"
    draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    os.replace(draft, folder / f"{name}.jsonl")
    return len(rows)


def _check(voices: Sequence[str]) -> None:
    if shutil.which(PROGRAM) is None:
        raise InvalidInput(f"The program {PROGRAM}, which reads out, is not installed. Run: apt-get install {PROGRAM}")
    listed = subprocess.run([PROGRAM, "-lv"], capture_output=True, text=True, check=True).stdout.partition(":")[2]
    for voice in voices:
        if voice not in listed.split():
            raise InvalidInput(f"{PROGRAM} has no voice {voice!r}. It has: {', '.join(listed.split())}.")


def _spoken(example: Example, folder: Path, name: str, voices: Sequence[str]) -> dict[str, str | None]:
    turns = [(said.speaker or "", _clean(said.text)) for said in said_in(example.text or "")]
    turns = [(speaker, text) for speaker, text in turns if text]
    if not turns:
        raise InvalidData(f"{example.where}: {example.id} has no words to read out. Leave it out.")
    audio = f"{name}/{example.id.replace('/', '-')}.flac"
    if not (folder / audio).exists():
        _write(folder / audio, [(_voice(example.group, speaker, voices), text) for speaker, text in turns])
    return {
        "id": example.id,
        "audio": audio,
        "text": "\n".join(text for _, text in turns),
        "summary": example.summary,
        "group": example.group,
        "language": example.language,
    }


def _clean(text: str) -> str:
    """*text* without fillers and words that break off; empty when no letter is left."""
    kept = [word for word in text.split() if not word.endswith("-") and word.lower().strip(".,?!") not in FILLERS]
    return " ".join(kept) if any(letter.isalpha() for word in kept for letter in word) else ""


def _voice(group: str, speaker: str, voices: Sequence[str]) -> str:
    return voices[crc32(f"{group}/{speaker}".encode()) % len(voices)]


def _write(path: Path, turns: Sequence[tuple[str, str]]) -> None:
    import soundfile

    pause = np.zeros(PAUSE_SAMPLES, np.int16)
    with TemporaryDirectory(prefix="minutebook-speech-") as temporary:
        parts = [part for voice, text in turns for part in (_read_out(voice, text, Path(temporary)), pause)]
    draft = path.with_name(f".{path.name}")
    soundfile.write(draft, np.concatenate(parts), SAMPLE_RATE_HZ, "PCM_16", format="FLAC")
    os.replace(draft, path)


def _read_out(voice: str, text: str, temporary: Path) -> NDArray[np.int16]:
    """(n,) at 16 kHz. Raises InvalidData when flite fails."""
    import soundfile

    words, sound = temporary / "words.txt", temporary / "sound.wav"
    words.write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [PROGRAM, "-voice", voice, "-f", str(words), "-o", str(sound)], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise InvalidData(f"{PROGRAM} does not read out {text[:60]!r}: {ended.stderr.strip()}. Leave the text out.")
    samples, rate_hz = soundfile.read(sound, dtype="int16")
    if rate_hz != SAMPLE_RATE_HZ:
        raise InvalidInput(f"The voice {voice!r} speaks at {rate_hz} Hz. Use one of 16 kHz: {', '.join(VOICES)}.")
    spoken: NDArray[np.int16] = samples
    return spoken
