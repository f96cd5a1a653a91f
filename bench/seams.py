"""Measures what commits in mid-word cost: a client of a realtime session commits its audio at fixed times, often inside
a word, and waits for the words so far.

    python -m bench.seams [--part tuning] [--periods 2.3 3.1 4.7] [--out var/bench/seams.json]

Recordings are replayed as fast as they are read. `uncut` is the same speech in a live meeting whose client never
commits, with a step every two seconds. The settings were chosen on the part `tuning`; figures are quoted from the part
`counted`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

from bench.policies import LabelledRecording, Replay, error_rate, read_recording, readers, replay
from schema.core.units import s_of_samples, samples_of_s
from workers.asr.engine import Engine, load_engine
from workers.asr.error_rates import normalise
from workers.asr.streaming.guard import JudgedHypothesis, transcribe_guarded
from workers.asr.streaming.policy import align_att
from workers.asr.streaming.stream import LivePlan, plan, settle
from workers.asr.streaming.track import TrackView

TUNING = ("librispeech-367", "librispeech-1688", "ljspeech", "speech")
"""The recordings on which the settings were chosen. All others are counted."""
GROUPS = ("librivox_austen", "ljspeech", "mfa", "speech")
PERIODS_S = (2.3, 3.1, 4.7)
STEPS_LIMIT = 5
"""A client gets the words of a commit within this many steps."""


@dataclass(slots=True)
class CommittedReplay(Replay):
    """A recording whose client commits every `period` samples and waits for the words."""

    period: int = 0
    commit_sample: int = 0
    steps: int = 0
    held: bool = False

    @property
    def finished(self) -> bool:
        return self.commit_sample >= len(self.recording.samples) and (self.answered or self.steps == STEPS_LIMIT)

    @property
    def answered(self) -> bool:
        """Whether the client has the words of its last commit."""
        return self.held or self.state.committed_sample >= self.commit_sample

    def next_plan(self) -> LivePlan:
        """The next step: that of the next commit, if the last one is answered."""
        end = len(self.recording.samples)
        if self.answered or self.steps == STEPS_LIMIT:
            self.commit_sample, self.steps, self.held = min(self.commit_sample + self.period, end), 0, False
        self.steps += 1
        samples = self.recording.samples[self.state.window_first_sample : self.commit_sample]
        return plan(TrackView(self.state, samples, closed=self.commit_sample == end, flushed=True))

    def settle(self, planned: LivePlan, judged: JudgedHypothesis | None) -> None:
        self.state = planned.view.state
        self.spans += planned.silent
        if judged is None:
            return
        outcome = settle(planned, *judged, align_att)
        self.state, self.held = outcome.state, outcome.held
        self.windows += 1
        self.words += outcome.words
        self.spans += outcome.spans


def sources(audio: Path) -> list[LabelledRecording]:
    """English recordings of one speaker. The utterances of each LibriSpeech reader are joined."""
    found = readers(audio / "librispeech", samples_of_s(3600))
    found += [recording for group in GROUPS for recording in _clips(audio, group, "*")]
    return [*found, *_clips(audio, "fleurs", "*-en-*")]


def _clips(audio: Path, group: str, pattern: str) -> list[LabelledRecording]:
    paths = sorted(path for path in (audio / group).glob(pattern) if path.suffix in {".flac", ".ogg"})
    return [
        LabelledRecording(f"{group}-{path.stem}", read_recording(path), path.with_suffix(".txt").read_text())
        for path in paths
    ]


def in_part(recording: LabelledRecording, part: str) -> bool:
    tuning = recording.name.startswith(TUNING)
    return part == "all" or tuning == (part == "tuning")


def replay_commits(engine: Engine, recordings: Sequence[LabelledRecording], period_s: float) -> list[CommittedReplay]:
    """Commit each of *recordings* every *period_s*, all at once."""
    tracks = [CommittedReplay(recording, period=samples_of_s(period_s)) for recording in recordings]
    while going := [track for track in tracks if not track.finished]:
        plans = [track.next_plan() for track in going]
        judged = iter(transcribe_guarded(engine, [each.window for each in plans if each.window is not None]))
        for track, planned in zip(going, plans, strict=True):
            track.settle(planned, next(judged) if planned.window is not None else None)
    return tracks


def doubled(text: str) -> int:
    """How often a word follows itself."""
    return sum(before == after for before, after in pairwise(normalise(text).split()))


def differences(track: CommittedReplay, uncut: Replay) -> Iterable[str]:
    """The places where the words of *track* differ from those without commits, with their times."""
    words, whole = _timed(track), _timed(uncut)
    texts, whole_texts = [text for text, _ in words], [text for text, _ in whole]
    for kind, a, b, c, d in SequenceMatcher(a=whole_texts, b=texts, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        at_s = s_of_samples((words[c:d] or whole[a:b])[0][1])
        before, after = " ".join(whole_texts[max(a - 3, 0) : a]), " ".join(whole_texts[b : b + 3])
        yield f"{at_s:7.2f} s: {before} [{' '.join(whole_texts[a:b])} → {' '.join(texts[c:d])}] {after}"


def _timed(track: Replay) -> list[tuple[str, int]]:
    """The normalised words of *track* and where their middles lie."""
    return [
        (part, (word.start_sample + word.end_sample) // 2)
        for word in track.words
        for part in normalise(word.text).split()
    ]


def row(name: str, tracks: Sequence[Replay]) -> dict[str, object]:
    return {
        "name": name,
        "wer": error_rate(tracks),
        "doubled": sum(doubled(track.text) for track in tracks),
        "words": sum(len(track.words) for track in tracks),
        "failed_s": round(s_of_samples(sum(track.covered["failed"] for track in tracks)), 1),
        **{f"wer {track.recording.name}": error_rate([track]) for track in tracks},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", "../shared")))
    parser.add_argument("--part", choices=("tuning", "counted", "all"), default="counted")
    parser.add_argument("--periods", type=float, nargs="+", default=PERIODS_S, help="seconds between two commits")
    parser.add_argument("--model", default="package:tiny.en")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--out", type=Path, default=Path("var/bench/seams.json"))
    parser.add_argument("--verbose", action="store_true", help="show where words differ")
    arguments = parser.parse_args()
    engine = load_engine(arguments.model, arguments.models)
    recordings = [each for each in sources(arguments.shared / "audio") if in_part(each, arguments.part)]
    uncut = replay(engine, recordings, align_att, 2.0)
    rows = [row("uncut", uncut)]
    print(json.dumps(rows[-1]), flush=True)
    for period_s in arguments.periods:
        tracks = replay_commits(engine, recordings, period_s)
        rows.append(row(f"every {period_s:g} s", tracks))
        print(json.dumps(rows[-1]), flush=True)
        if arguments.verbose:
            for track, whole in zip(tracks, uncut, strict=True):
                print(f"  {track.recording.name}")
                for line in differences(track, whole):
                    print("   ", line)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
