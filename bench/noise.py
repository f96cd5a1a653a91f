"""Measures how many words survive steady noise: recordings are read with and without it, as files and live.

    python -m bench.noise [--levels 3 -3] [--noises "mains hum" "400 Hz"] [--out var/bench/noise.json]

The readers of `bench.policies` are mixed with each noise. A level is that of the noise against the speech, in dB. Noise
without speech is read as well; it should give no words. `vad_ms_per_s` is the processor time of voice activity
detection for a second of a window of 30 s.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.policies import LabelledRecording, error_rate, offline, recordings, replay
from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_SAMPLES, samples_of_s
from training.data.audio import Samples
from workers.asr.engine import Engine, load_engine
from workers.asr.streaming.policy import POLICIES
from workers.asr.streaming.vad import speech_spans

Signal = NDArray[np.float64]

STEP_S = 1.0
ALONE_S = 30.0
ALONE_RMS = 2000.0
QUIETEST_SPEECH = 0.1
"""Frames whose RMS is below this share of the loudest frames do not count as speech."""


def tone(hertz: float, n: int) -> Signal:
    """A sine of *n* samples with an RMS of 1."""
    sine: Signal = np.sqrt(2) * np.sin(2 * np.pi * hertz * np.arange(n) / SAMPLE_RATE_HZ)
    return sine


def hum(hertz: float, n: int) -> Signal:
    """A tone with eleven overtones."""
    return _scaled(np.sum([tone(hertz * k, n) / k for k in range(1, 13)], axis=0))


def pulsing(hertz: float, n: int) -> Signal:
    """A tone that grows and fades four times a second."""
    return _scaled(tone(hertz, n) * (1 + tone(4, n) / np.sqrt(2)))


def coloured(slope: float, n: int) -> Signal:
    """Noise whose power falls with the frequency to the power of *slope*: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(size=n))
    hertz = np.maximum(np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ), 20)
    return _scaled(np.fft.irfft(spectrum * hertz ** (-slope / 2), n))


def fan(n: int) -> Signal:
    """The tones of the blades over falling noise."""
    return _scaled(coloured(1.6, n) + 0.7 * tone(87, n) + 0.4 * tone(174, n))


def two_tones(n: int) -> Signal:
    return _scaled(tone(300, n) + tone(810, n))


def _scaled(signal: Signal) -> Signal:
    scaled: Signal = signal / np.sqrt(np.square(signal).mean())
    return scaled


STEADY: Mapping[str, Callable[[int], Signal]] = {
    **{f"{hertz} Hz": partial(tone, hertz) for hertz in (20, 50, 60, 100, 120, 180, 250, 400, 700, 1000)},
    "two tones": two_tones,
    "mains hum": partial(hum, 50),
    "fan": fan,
    "white noise": partial(coloured, 0),
    "pink noise": partial(coloured, 1),
    "brown noise": partial(coloured, 2),
    "direct current": np.ones,
}
"""Noises of a given number of samples, with an RMS of 1."""
NOISES: Mapping[str, Callable[[int], Signal]] = {**STEADY, "pulsing tone": partial(pulsing, 400)}


def noise_samples(name: str, seconds: float, rms: float) -> Samples:
    """A noise of NOISES as audio."""
    return _as_pcm(rms * NOISES[name](samples_of_s(seconds)))


def mixed(speech: Samples, name: str, level_db: float) -> Samples:
    """*speech* with a noise *level_db* above it."""
    return _as_pcm(speech + _speech_rms(speech) * 10 ** (level_db / 20) * NOISES[name](len(speech)))


def _speech_rms(samples: Samples) -> float:
    """The RMS of the parts of *samples* in which somebody speaks."""
    frame = samples_of_s(0.03)
    power = np.square(samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)).mean(axis=1)
    loud = power > QUIETEST_SPEECH**2 * np.quantile(power, 0.95)
    return float(np.sqrt(power[loud].mean()))


def _as_pcm(signal: Signal) -> Samples:
    return np.clip(np.round(signal), -32_768, 32_767).astype(np.int16)


def word_errors(engine: Engine, sources: Sequence[LabelledRecording]) -> dict[str, float]:
    """Word error rates in per cent, as files and live."""
    return {
        "wer_file": error_rate(offline(engine, sources)),
        "wer_live": error_rate(replay(engine, sources, POLICIES["align_att"], STEP_S)),
    }


def rows(
    engine: Engine, sources: Sequence[LabelledRecording], names: Sequence[str], levels_db: Sequence[float]
) -> Iterator[dict[str, object]]:
    yield {"noise": "none", **word_errors(engine, sources)}
    for name in names:
        alone = LabelledRecording(name, noise_samples(name, ALONE_S, ALONE_RMS), "")
        tracks = [*offline(engine, [alone]), *replay(engine, [alone], POLICIES["align_att"], STEP_S)]
        yield {"noise": name, "words_alone": sum(len(track.words) for track in tracks)}
        for level_db in levels_db:
            noisy = [replace(each, samples=mixed(each.samples, name, level_db)) for each in sources]
            yield {"noise": name, "level_db": level_db, **word_errors(engine, noisy)}


def vad_ms_per_s(samples: Samples, repeats: int = 10) -> float:
    window = samples[:WINDOW_LIMIT_SAMPLES]
    began_s = time.process_time()
    for _ in range(repeats):
        speech_spans(window)
    return 1000 * (time.process_time() - began_s) / repeats / (len(window) / SAMPLE_RATE_HZ)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", "../shared")))
    parser.add_argument("--seconds", type=float, default=60.0, help="audio of each kind, at least")
    parser.add_argument("--levels", type=float, nargs="+", default=[3.0, -3.0])
    parser.add_argument("--noises", nargs="+", choices=list(NOISES), default=list(NOISES))
    parser.add_argument("--model", default="package:tiny.en")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--out", type=Path, default=Path("var/bench/noise.json"))
    arguments = parser.parse_args()
    sources = recordings(arguments.shared, arguments.seconds)
    found: list[dict[str, object]] = [{"vad_ms_per_s": round(vad_ms_per_s(sources[-1].samples), 2)}]
    print(json.dumps(found[0]), flush=True)
    engine = load_engine(arguments.model, arguments.models)
    for row in rows(engine, sources, arguments.noises, arguments.levels):
        found.append(row)
        print(json.dumps(row), flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
