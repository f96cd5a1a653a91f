"""Compares streaming policies, margins and step intervals by replaying streams in audio time, without waiting.

    python -m bench.policies [--seconds 240] [--out var/bench/policies.json]

Every configuration replays the same recordings: LibriSpeech readers with gaps between utterances, a synthetic meeting
and the sample meeting. Decoding takes no time here, so a word's latency is the cost of the policy: the time of the step
that committed it minus the word's end. `offline` is the same speech read as an uploaded file.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from schema.core.states import CoverageKind
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from training.data.audio import Samples
from workers.asr.context import STRIDE
from workers.asr.engine import Engine, load_engine
from workers.asr.error_rates import word_error_rate
from workers.asr.hypothesis import Word
from workers.asr.streaming.guard import transcribe_guarded
from workers.asr.streaming.policy import POLICIES, Policy, align_att_with
from workers.asr.streaming.stream import DEFAULTS, LivePlan, StreamSettings, plan, settle
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView
from workers.transcribe.file import FileAudio, transcribe_file


@dataclass(frozen=True, slots=True)
class LabelledRecording:
    name: str
    samples: Samples
    reference: str


@dataclass(slots=True)
class Replay:
    """One recording while it is being streamed."""

    recording: LabelledRecording
    state: StreamState = field(default_factory=StreamState)
    words: list[Word] = field(default_factory=list)
    spans: list[CommittedSpan] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    windows: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.state.committed_sample >= len(self.recording.samples)

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)

    @property
    def covered(self) -> Mapping[str, int]:
        """Samples of each kind of coverage."""
        samples: dict[str, int] = defaultdict(int)
        for span in self.spans:
            samples[span.kind] += span.end_sample - span.first_sample
        return samples

    def plan(self, now_sample: int, settings: StreamSettings) -> LivePlan:
        samples = self.recording.samples
        closed = now_sample >= len(samples)
        return plan(TrackView(self.state, samples[self.state.window_first_sample : now_sample], closed), settings)


def recordings(shared: Path, seconds: float) -> list[LabelledRecording]:
    """About *seconds* of each kind."""
    limit = samples_of_s(seconds)
    return [*readers(shared / "audio/librispeech", limit), *_meetings(shared, limit)]


def readers(folder: Path, limit: int) -> list[LabelledRecording]:
    """The utterances of each reader in *folder*, with gaps between them; the shortest readings, *limit* samples."""
    by_reader: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("*.flac")):
        by_reader[path.name.split("-")[0]].append(path)
    rng = np.random.default_rng(1)
    found: list[LabelledRecording] = []
    for reader, paths in by_reader.items():
        pieces: list[Samples] = []
        texts = []
        for path in paths:
            pieces += [read_recording(path), np.zeros(samples_of_s(rng.uniform(0.3, 0.6)), np.int16)]
            texts.append(path.with_suffix(".txt").read_text().strip())
        found.append(LabelledRecording(f"librispeech-{reader}", np.concatenate(pieces), " ".join(texts)))
    kept: list[LabelledRecording] = []
    for recording in sorted(found, key=lambda each: len(each.samples)):
        if sum(len(each.samples) for each in kept) < limit:
            kept.append(recording)
    return kept


def _meetings(shared: Path, limit: int) -> list[LabelledRecording]:
    sources = [
        (shared / "demo/meeting.flac", shared / "demo/segments.json"),
        (shared / "audio/meeting_IS1008a/audio.ogg", shared / "audio/meeting_IS1008a/segments.json"),
    ]
    return [meeting_beginning(path, segments, limit) for path, segments in sources]


def meeting_beginning(path: Path, segments: Path, limit: int) -> LabelledRecording:
    """The beginning of a meeting, up to the end of the last turn that fits."""
    value = json.loads(segments.read_text())
    turns = value["segments"] if isinstance(value, dict) else value
    kept = [turn for turn in turns if samples_of_s(_end_s(turn)) <= limit]
    end = samples_of_s(_end_s(kept[-1]) + 0.1)
    return LabelledRecording(path.parent.name, read_recording(path)[:end], " ".join(turn["text"] for turn in kept))


def _end_s(turn: dict[str, float]) -> float:
    return float(turn["end_s"] if "end_s" in turn else turn["end"])


def read_recording(path: Path) -> Samples:
    """The samples of a recording of 16 kHz; others end the program."""
    samples, rate = soundfile.read(path, dtype="int16")
    if rate != SAMPLE_RATE_HZ:
        raise SystemExit(f"{path} has {rate} Hz; give recordings of {SAMPLE_RATE_HZ} Hz.")
    result: Samples = samples
    return result


def replay(
    engine: Engine,
    sources: Sequence[LabelledRecording],
    policy: Policy,
    step_s: float,
    settings: StreamSettings = DEFAULTS,
) -> list[Replay]:
    """Stream all *sources* at once, with a step every *step_s* of audio."""
    tracks = [Replay(source) for source in sources]
    now = 0
    while not all(track.done for track in tracks):
        now += samples_of_s(step_s)
        going = [track for track in tracks if not track.done]
        _step(engine, going, [track.plan(now, settings) for track in going], policy, settings, now)
    return tracks


def _step(
    engine: Engine, tracks: list[Replay], plans: list[LivePlan], policy: Policy, settings: StreamSettings, now: int
) -> None:
    for track, planned in zip(tracks, plans, strict=True):
        track.state = planned.view.state
        track.spans += planned.silent
    open_tracks = [(t, p, p.window) for t, p in zip(tracks, plans, strict=True) if p.window is not None]
    results = transcribe_guarded(engine, [window for _, _, window in open_tracks])
    for (track, planned, _), (hypothesis, verdict) in zip(open_tracks, results, strict=True):
        outcome = settle(planned, hypothesis, verdict, policy, settings)
        track.state = outcome.state
        track.windows += 1
        track.words += outcome.words
        track.latencies_s += [(now - word.end_sample) / SAMPLE_RATE_HZ for word in outcome.words]
        track.spans += outcome.spans
        if verdict.reason:
            track.failed.append(f"{verdict.judgement}: {verdict.reason}: {hypothesis.text[:80]}")


def offline(engine: Engine, sources: Sequence[LabelledRecording]) -> list[Replay]:
    """Read each of *sources* as an uploaded file, without steps and latencies."""
    return [_read_at_once(engine, source) for source in sources]


def _read_at_once(engine: Engine, source: LabelledRecording) -> Replay:
    transcript = transcribe_file(engine, FileAudio(source.samples))
    end = len(source.samples)
    track = Replay(source, StreamState(end, end), [*transcript.words], [*transcript.spans])
    track.failed = [str(span.reason) for span in transcript.spans if span.kind is CoverageKind.FAILED]
    return track


def error_rate(tracks: Sequence[Replay]) -> float:
    """Word error rate in per cent over all *tracks*."""
    return round(100 * word_error_rate((track.recording.reference, track.text) for track in tracks), 2)


def summary(name: str, tracks: Sequence[Replay], took_s: float) -> dict[str, object]:
    """One row of the table."""
    audio_s = sum(len(track.recording.samples) for track in tracks) / SAMPLE_RATE_HZ
    groups = defaultdict(list)
    for track in tracks:
        groups[track.recording.name.split("-")[0]].append(track)
    return {
        "name": name,
        "wer": error_rate(tracks),
        **{f"wer_{group}": error_rate(members) for group, members in groups.items()},
        **_of_steps(tracks, audio_s),
        "compute_s_per_s": round(took_s / audio_s, 4),
        "failed_s": round(sum(track.covered["failed"] for track in tracks) / SAMPLE_RATE_HZ, 1),
        "silent_s": round(sum(track.covered["silent"] for track in tracks) / SAMPLE_RATE_HZ, 1),
    }


def _of_steps(tracks: Sequence[Replay], audio_s: float) -> dict[str, float]:
    """Figures that only streaming has."""
    latencies = np.array([value for track in tracks for value in track.latencies_s])
    if not len(latencies):
        return {}
    return {
        "latency_p50_s": round(float(np.quantile(latencies, 0.5)), 2),
        "latency_p95_s": round(float(np.quantile(latencies, 0.95)), 2),
        "windows_per_s": round(sum(track.windows for track in tracks) / audio_s, 3),
    }


def configurations() -> list[tuple[str, Policy, float]]:
    """(name, policy, step in s) of each configuration."""
    policies = [("local_agreement", POLICIES["local_agreement"])]
    policies += [(f"align_att-{margin}", align_att_with(margin)) for margin in (100, 200, 300, 400, 600)]
    return [(f"{name}/{step_s:g}s", policy, step_s) for step_s in (1.0, 2.0) for name, policy in policies]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", "../shared")))
    parser.add_argument("--seconds", type=float, default=240.0, help="audio of each kind")
    parser.add_argument("--model", default="package:tiny.en")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--stride", type=int, default=STRIDE, help="1 for the model's own 30 s of context")
    parser.add_argument("--only", default="", help="configurations whose name contains this")
    parser.add_argument("--out", type=Path, default=Path("var/bench/policies.json"))
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    engine = load_engine(arguments.model, arguments.models, stride=arguments.stride)
    sources = recordings(arguments.shared, arguments.seconds)
    runs: dict[str, Callable[[], list[Replay]]] = {"offline": partial(offline, engine, sources)}
    for name, policy, step_s in configurations():
        if arguments.only in name:
            runs[name] = partial(replay, engine, sources, policy, step_s)
    rows = []
    for name, run in runs.items():
        began = time.perf_counter()
        tracks = run()
        rows.append(summary(name, tracks, time.perf_counter() - began))
        print(json.dumps(rows[-1]), flush=True)
        if arguments.verbose:
            for track in tracks:
                print("  ", track.recording.name, track.text, *track.failed, sep="\n     ")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"settings": asdict(DEFAULTS), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
