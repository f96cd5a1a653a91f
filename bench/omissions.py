"""`make bench-omissions`: speech that is booked as transcribed although no word covers it.

    python -m bench.omissions [--only readers] [--out var/bench/omissions.json]

Every group of recordings is read as files, as live tracks with a step every second, and as live tracks of workers that
are far behind, with a step every ten seconds. `tuned` groups were looked at while the re-reading was written; the
others were not. Times of words cannot be trusted here, so a word covers no more than the time that its letters take to
say.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import jiwer
import numpy as np

from bench.files.recordings import reference_text
from bench.policies import LabelledRecording, Replay, error_rate, offline, read_recording, readers, replay
from bench.report import machine, write
from schema.core.states import CoverageKind
from schema.core.units import SAMPLE_RATE_HZ, s_of_samples, samples_of_ms, samples_of_s
from schema.speech.vad import speech_spans
from training.data.audio import Samples
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.error_rates import normalise
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.model import load
from workers.asr.streaming.policy import align_att

WORD_SAMPLES = samples_of_ms(300)
LETTER_SAMPLES = samples_of_ms(80)
"""A slow word takes `WORD_SAMPLES` and `LETTER_SAMPLES` for each letter."""
HESITATION_SAMPLES = samples_of_ms(500)
"""Shorter stretches without a word are hesitations and the ends of slow words."""
LOST_WORDS = 4
"""So many words of the reference in a row that are missing count as skipped."""
HELD_OUT_READERS = ("2412", "2609", "3080")
PART_S = 200.0
SLOWED = 0.6
SOUND_S = 20.0
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class RecordingGroup:
    name: str
    tuned: bool
    recordings: list[LabelledRecording]


class MeteredEngine(Engine):
    """Counts the audio that it decodes."""

    decoded_samples = 0

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        self.decoded_samples += sum(len(window.samples) for window in windows)
        return super().transcribe(windows, fallback, lanes)


def uncovered_samples(track: Replay) -> int:
    """Speech in `transcribed` spans that no word covers, in stretches of at least HESITATION_SAMPLES."""
    transcribed = [
        (span.first_sample, span.end_sample) for span in track.spans if span.kind is CoverageKind.TRANSCRIBED
    ]
    claimed = _mask(transcribed, len(track.recording.samples)) & _speech_mask(track)
    claimed &= ~_mask([_covered(word) for word in track.words], len(claimed))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], claimed, [0]))))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= HESITATION_SAMPLES].sum())


def silent_speech_samples(track: Replay) -> int:
    """Speech in `silent` spans."""
    silent = [(span.first_sample, span.end_sample) for span in track.spans if span.kind is CoverageKind.SILENT]
    return int((_mask(silent, len(track.recording.samples)) & _speech_mask(track)).sum())


def _covered(word: Word) -> tuple[int, int]:
    letters = sum(character.isalnum() for character in word.text)
    return word.start_sample, min(word.end_sample, word.start_sample + WORD_SAMPLES + letters * LETTER_SAMPLES)


def _speech_mask(track: Replay) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return _mask(speech_spans(track.recording.samples), len(track.recording.samples))


def _mask(spans: Spans, length: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.zeros(length, np.bool_)
    for first, end in spans:
        mask[first:end] = True
    return mask


def lost_words(reference: str, text: str) -> int:
    """Words of *reference* that *text* lacks, in runs of at least LOST_WORDS."""
    expected, actual = normalise(reference), normalise(text)
    if not expected:
        return 0
    (chunks,) = jiwer.process_words(expected, actual).alignments
    runs = [chunk.ref_end_idx - chunk.ref_start_idx for chunk in chunks if chunk.type == "delete"]
    return sum(run for run in runs if run >= LOST_WORDS)


def groups(shared: Path) -> list[RecordingGroup]:
    """The recordings. Those of a group are streamed side by side."""
    audio = shared / "audio"
    books = readers(audio / "librispeech", samples_of_s(3600))
    held_out = [each for each in books if each.name.split("-")[1] in HELD_OUT_READERS]
    return [
        RecordingGroup("sample meeting", True, _meeting(shared / "demo/meeting.flac", shared / "demo/segments.json")),
        RecordingGroup("AMI", True, _clips(audio, "ami/")),
        RecordingGroup("readers looked at", True, [each for each in books if each not in held_out]),
        RecordingGroup("other readers", False, held_out),
        RecordingGroup("other readers, slowed", False, [_slowed(each) for each in held_out]),
        RecordingGroup(
            "other clips", False, _clips(audio, "fleurs/fleurs-en", "ljspeech/", "librivox", "mfa/", "speech/")
        ),
        RecordingGroup(
            "IS1008a", False, _meeting(audio / "meeting_IS1008a/audio.ogg", audio / "meeting_IS1008a/segments.json")
        ),
        RecordingGroup("sounds without speech", False, sounds()),
    ]


def _clips(audio: Path, *beginnings: str) -> list[LabelledRecording]:
    with (audio / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["file"].startswith(beginnings)]
    return [
        LabelledRecording(row["file"], read_recording(audio / row["file"]), reference_text(audio / row["reference"]))
        for row in rows
    ]


def _meeting(path: Path, segments: Path) -> list[LabelledRecording]:
    """A meeting in parts of about PART_S, cut between turns."""
    value = json.loads(segments.read_text())
    turns = value["segments"] if isinstance(value, dict) else value
    samples = read_recording(path)
    parts: list[list[dict[str, Any]]] = []
    for turn in turns:
        if not parts or turn["end_s"] - parts[-1][0]["start_s"] > PART_S:
            parts.append([])
        parts[-1].append(turn)
    return [
        LabelledRecording(
            f"{path.parent.name}-{part[0]['start_s']}",
            samples[samples_of_s(max(part[0]["start_s"] - 0.1, 0)) : samples_of_s(part[-1]["end_s"] + 0.1)],
            " ".join(turn["text"] for turn in part),
        )
        for part in parts
    ]


def _slowed(recording: LabelledRecording) -> LabelledRecording:
    """*recording* at SLOWED times its speed and the same pitch."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE_HZ, format="s16", layout="mono", time_base=Fraction(1, 16_000))
    sink = graph.add("abuffersink")
    graph.link_nodes(source, graph.add("atempo", str(SLOWED)), sink).configure()
    frame = av.AudioFrame.from_ndarray(recording.samples[None], format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    graph.push(frame)
    graph.push(None)
    pieces: list[Samples] = []
    with suppress(av.EOFError):
        while True:
            pieces.append(graph.pull().to_ndarray()[0])
    return LabelledRecording(f"{recording.name} slowed", np.concatenate(pieces), recording.reference)


def sounds() -> list[LabelledRecording]:
    """Sounds that are no speech: noise that swells, a tune, a sung vowel, and bursts like laughter."""
    rng = np.random.default_rng(1)
    time_s = np.arange(samples_of_s(SOUND_S)) / SAMPLE_RATE_HZ
    pitches = rng.choice([262, 294, 330, 349, 392, 440, 494, 523], round(SOUND_S / 0.3))
    tune = np.concatenate([_note(float(pitch), 0.3) for pitch in pitches])[: len(time_s)]
    glide = np.repeat(200 * 2 ** (rng.integers(0, 12, round(SOUND_S)) / 12), SAMPLE_RATE_HZ)
    phase = 2 * np.pi * np.cumsum(glide * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * time_s))) / SAMPLE_RATE_HZ
    vowel = sum(np.sin(k * phase) * np.exp(-(((k * glide - 700) / 300) ** 2)) for k in range(1, 12))
    bursts = np.maximum(0, np.sin(2 * np.pi * 5 * time_s)) ** 2 * (np.sin(2 * np.pi * 0.25 * time_s) > -0.3)
    voice = sum(np.sin(2 * np.pi * 260 * k * time_s) / k for k in range(1, 10)) + rng.normal(0, 0.6, len(time_s))
    made = {
        "noise": 3000 * rng.normal(0, 1, len(time_s)) * (0.3 + np.abs(np.sin(2 * np.pi * 3.1 * time_s))),
        "tune": 5000 * tune,
        "vowel": 6000 * vowel * (0.6 + 0.4 * np.sin(2 * np.pi * 1.2 * time_s)),
        "laughter": 5000 * bursts * voice,
    }
    return [LabelledRecording(name, sound.clip(-32_000, 32_000).astype(np.int16), "") for name, sound in made.items()]


def _note(pitch_hz: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    time_s = np.arange(samples_of_s(seconds)) / SAMPLE_RATE_HZ
    overtones = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8))
    return np.asarray(overtones * np.exp(-2.5 * time_s))


def summary(group: RecordingGroup, mode: str, tracks: Sequence[Replay], decoded_samples: int) -> dict[str, object]:
    """One row of the table. `decoded` is the audio of all windows that were decoded, per second of the recordings."""
    audio_samples = sum(len(track.recording.samples) for track in tracks)
    return {
        "group": group.name,
        "tuned": group.tuned,
        "mode": mode,
        "audio_s": round(s_of_samples(audio_samples), 1),
        "wer": error_rate(tracks) if any(track.recording.reference for track in tracks) else None,
        "words": sum(len(track.words) for track in tracks),
        "lost_words": sum(lost_words(track.recording.reference, track.text) for track in tracks),
        "uncovered_s": _seconds(uncovered_samples(track) for track in tracks),
        "failed_s": _seconds(track.covered["failed"] for track in tracks),
        "silent_speech_s": _seconds(silent_speech_samples(track) for track in tracks),
        "decoded": round(decoded_samples / audio_samples, 3),
    }


def _seconds(samples: Iterable[int]) -> float:
    return round(s_of_samples(sum(samples)), 1)


MODES: dict[str, Callable[[Engine, Sequence[LabelledRecording]], list[Replay]]] = {
    "file": offline,
    "live": partial(replay, policy=align_att, step_s=1.0),
    "behind": partial(replay, policy=align_att, step_s=10.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", "../shared")))
    parser.add_argument("--model", default="package:tiny.en")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--only", default="", help="groups whose name contains this")
    parser.add_argument("--out", type=Path, default=Path("var/bench/omissions.json"))
    arguments = parser.parse_args()
    engine = MeteredEngine(load(arguments.model, arguments.models, "auto", "auto"))
    rows = []
    for group in groups(arguments.shared):
        for mode, read in MODES.items() if arguments.only in group.name else ():
            engine.decoded_samples = 0
            tracks = read(engine, group.recordings)
            rows.append(summary(group, mode, tracks, engine.decoded_samples))
            print(json.dumps(rows[-1]), flush=True)
    write(arguments.out, {"machine": machine(), "model": arguments.model, "rows": rows})


if __name__ == "__main__":
    main()
