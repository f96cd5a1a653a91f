"""What a context as long as the audio costs in words and saves in time, measured on the serving engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.metrics.errors import rate, word_errors
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window

NAME = "audio_context"


@dataclass(frozen=True, slots=True)
class Reading:
    """Texts of some windows; how many of them ran away, which the guard would refuse; milliseconds of one encoding."""

    texts: list[str]
    runaways: int
    encoder_ms: float


def heard(engine: Engine, windows: Sequence[Window]) -> Reading:
    """Read *windows* and encode each once more, alone, for the time."""
    hypotheses = engine.transcribe(windows)
    began = time.perf_counter()
    for window in windows:
        engine.encode([window])
    encoder_ms = (time.perf_counter() - began) * 1000 / len(windows)
    return Reading([each.text for each in hypotheses], sum(each.truncated for each in hypotheses), encoder_ms)


def compared(engine: Engine, windows: Sequence[Window], adapter: Path) -> dict[str, float]:
    """*engine* in the context that it gives to windows without an adapter, and with *adapter*."""
    whole = heard(engine, windows)
    engine.load_adapter(NAME, adapter)
    short = heard(engine, [replace(window, adapter=NAME) for window in windows])
    differing = rate(word_errors(*texts) for texts in zip(whole.texts, short.texts, strict=True))
    return {
        "words_that_differ": differing,
        "runaways": short.runaways,
        "runaways_whole_context": whole.runaways,
        "encoder_ms": short.encoder_ms,
        "encoder_ms_whole_context": whole.encoder_ms,
    }
