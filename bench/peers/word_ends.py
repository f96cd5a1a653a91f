"""`python -I word_ends.py MODEL_FOLDER < PCM16`: words of 16 kHz mono audio with their ends as JSON, [[word, end_s]].

Runs in the interpreter that has faster-whisper and imports nothing from this project.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from faster_whisper import WhisperModel  # type: ignore[import-not-found]


def main() -> None:
    samples = np.frombuffer(sys.stdin.buffer.read(), "<i2").astype(np.float32) / 32768
    model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
    segments, _ = model.transcribe(samples, language="en", word_timestamps=True, condition_on_previous_text=False)
    json.dump([(word.word, float(word.end)) for segment in segments for word in segment.words], sys.stdout)


if __name__ == "__main__":
    main()
