"""`python -I batched_pipeline.py MODEL_FOLDER AUDIO THREADS`: transcribe a file with BatchedInferencePipeline, as JSON.

Runs in the interpreter that has faster-whisper and imports nothing from this project. The time runs from the path of
the file to the last word. The model is loaded and warmed up before.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-not-found]

WARM_UP_S = 30


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    folder, audio, threads = sys.argv[1:]
    pipeline = BatchedInferencePipeline(
        WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=int(threads))
    )
    beginning = [{"start": 0, "end": WARM_UP_S}]
    list(pipeline.transcribe(audio, language="en", batch_size=8, beam_size=1, clip_timestamps=beginning)[0])
    began_s, began_cpu_s = time.perf_counter(), cpu_s()
    segments, _ = pipeline.transcribe(audio, language="en", batch_size=8, beam_size=1)
    text = " ".join(segment.text.strip() for segment in segments)
    json.dump({"wall_s": time.perf_counter() - began_s, "cpu_s": cpu_s() - began_cpu_s, "text": text}, sys.stdout)


if __name__ == "__main__":
    main()
