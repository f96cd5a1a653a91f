"""Measures how many words survive noise: recordings are read with and without it, as files and live.

    python -m bench.noise [--seconds 20] [--levels 3 -3] [--noises "mains hum" siren] [--out var/bench/noise.json]

The recordings of `bench.policies` are mixed with each noise. A level is that of the noise against the speech, in dB.
Noise without speech is read as well; it should give no words. `vad_ms_per_s` is the processor time of voice activity
detection for a second of a window of 30 s. The defaults take a few minutes.
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
import torch
from numpy.typing import NDArray

from bench.policies import LabelledRecording, error_rate, offline, recordings, replay
from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_SAMPLES, samples_of_s
from schema.speech.vad import speech_spans
from training.data.audio import Samples
from workers.asr.engine import Engine, load_engine
from workers.asr.streaming.policy import POLICIES

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


def gated(on_s: float, period_s: float, hertz: Sequence[float], n: int) -> Signal:
    """Tones that sound together for *on_s* of every *period_s*: beeps and ring tones."""
    sounds = np.arange(n) / SAMPLE_RATE_HZ % period_s < on_s
    return _scaled(np.sum([tone(each, n) for each in hertz], axis=0) * sounds)


def key_tones(n: int) -> Signal:
    """The keys 5, 1, 8 and 0 of a telephone, for 150 ms each."""
    low, high = _in_turn([(770, 1336), (697, 1209), (852, 1336), (941, 1336)], 0.3, n)
    return _scaled((_sweep(low) + _sweep(high)) * (np.arange(n) / SAMPLE_RATE_HZ % 0.3 < 0.15))


def siren(cycles_per_s: float, n: int) -> Signal:
    """A tone that rises and falls between 600 and 1200 Hz."""
    return _sweep(900 + 300 * tone(cycles_per_s, n) / np.sqrt(2))


def warble(n: int) -> Signal:
    """The ring of an electronic telephone: two tones that alternate 12 times a second, for one second in three."""
    return _scaled(_sweep(_in_turn([(1200,), (1500,)], 0.04, n)[0]) * (np.arange(n) / SAMPLE_RATE_HZ % 3 < 1))


def arpeggio(overtones: int, n: int) -> Signal:
    """Notes that are struck five times a second, with *overtones*."""
    hertz = _in_turn([(262,), (330,), (392,), (523,)], 0.2, n)[0]
    notes = np.sum([_sweep(hertz * k) / k for k in range(1, overtones + 2)], axis=0)
    return _scaled(notes * np.exp(-8 * (np.arange(n) / SAMPLE_RATE_HZ % 0.2)))


def whistling(n: int) -> Signal:
    """A tone that glides between pitches, in breaths of 0.6 s."""
    time_s = np.arange(n) / SAMPLE_RATE_HZ
    pitches = np.random.default_rng(1).uniform(900, 2200, int(time_s[-1] / 0.35) + 2)
    hertz = np.interp(time_s / 0.35, np.arange(len(pitches)), pitches)
    return _scaled(_sweep(hertz) * np.clip(np.sin(np.pi * (time_s % 0.7) / 0.6), 0, 1))


def _in_turn(values: Sequence[tuple[float, ...]], each_s: float, n: int) -> Signal:
    """*values* one after the other, (k, n) for tuples of k."""
    turn = (np.arange(n) / SAMPLE_RATE_HZ // each_s).astype(int) % len(values)
    in_turn: Signal = np.array(values, np.float64)[turn].T
    return in_turn


def _sweep(hertz: Signal) -> Signal:
    """A sine whose frequency at each sample is *hertz* (n,)."""
    sine: Signal = np.sqrt(2) * np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE_HZ)
    return sine


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
VARYING: Mapping[str, Callable[[int], Signal]] = {
    "pulsing tone": partial(pulsing, 400),
    "beeps": partial(gated, 0.2, 0.5, (1000,)),
    "quick beeps": partial(gated, 0.1, 0.2, (800,)),
    "key tones": key_tones,
    "ring tone": partial(gated, 0.4, 0.6, (400, 450)),
    "busy tone": partial(gated, 0.5, 1.0, (480, 620)),
    "warble": warble,
    "siren": partial(siren, 0.5),
    "quick siren": partial(siren, 3),
    "arpeggio": partial(arpeggio, 0),
    "arpeggio with overtones": partial(arpeggio, 2),
    "whistling": whistling,
}
"""Tones that begin, end or change, like STEADY."""
NOISES: Mapping[str, Callable[[int], Signal]] = {**STEADY, **VARYING}
USUAL = ("mains hum", "400 Hz", "pink noise")


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
    parser.add_argument("--seconds", type=float, default=20.0, help="audio of each kind, at least")
    parser.add_argument("--levels", type=float, nargs="+", default=[3.0])
    parser.add_argument("--noises", nargs="+", choices=list(NOISES), default=list(USUAL))
    parser.add_argument("--model", default="package:tiny.en")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--out", type=Path, default=Path("var/bench/noise.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # several threads wait for each other where other work runs
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
