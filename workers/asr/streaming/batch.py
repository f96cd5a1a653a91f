"""A file's audio in windows that do not depend on each other, so that many of one track go into one step.

    plan(view, places)          → silence that needs no model, and windows to decode, each cut at a pause
    leftover(piece, reading)    → what a reading passed over, to be read once more by itself
    settle(plan, readings)      → words and coverage, which tile [old committed_sample, new committed_sample)

Nobody waits for a file's next word, so a window is cut only when the 30 s from its beginning are there, or the track's
end is. Where it is cut then depends on the audio alone: a worker that goes on for a dead one cuts at the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schema.core.states import CoverageKind
from schema.core.units import WINDOW_LIMIT_SAMPLES, samples_of_ms, samples_of_s
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import Judgement, Verdict
from workers.asr.streaming.omissions import UNHEARD_SAMPLES, passed_over
from workers.asr.streaming.stream import Outcome, Plan, shifted
from workers.asr.streaming.track import Span, StreamState, TrackView
from workers.asr.streaming.vad import USUAL, VadSettings, speech_spans

LOOK_SAMPLES = WINDOW_LIMIT_SAMPLES
"""Audio that must be there before a window is cut in it."""
_QUIET_SAMPLES = samples_of_ms(200)

Reading = tuple[Hypothesis, Verdict]


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """The lengths are measured: windows of about ten seconds cost `tiny.en` fewer words than long ones, and attention
    and caches, which grow with the window, less time."""

    gate: VadSettings = USUAL
    shortest_s: float = 6.0
    usual_s: float = 12.0
    """A window ends in the longest pause between these two, or else in the first one behind."""
    longest_s: float = 29.0
    """A speaker without a pause is cut where it is quietest before this."""
    lead_ms: int = 300
    """Silence kept around speech, so that its edges are heard whole."""
    pause_ms: int = 600
    """A shorter silence behind speech counts as part of it."""


DEFAULTS = BatchSettings()


@dataclass(frozen=True, slots=True)
class Piece:
    """What one window decides about: [first_sample, end_sample) of the track, with speech up to `speech_end_sample`."""

    first_sample: int
    end_sample: int
    speech_end_sample: int
    window: Window


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """`parts` tile [view.state.committed_sample, end_sample): silence, and pieces for the model.

    With `more` there was no place for what may be cut behind them.
    """

    view: TrackView
    parts: tuple[Span | Piece, ...] = ()
    more: bool = False
    pieces: tuple[Piece, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", tuple(part for part in self.parts if isinstance(part, Piece)))

    @property
    def end_sample(self) -> int:
        return self.parts[-1].end_sample if self.parts else self.view.state.committed_sample

    def up_to_first_window(self) -> Plan:
        """The silence before the first window as committed, and that window: as a step of live audio is planned."""
        silent: list[Span] = []
        for part in self.parts:
            if isinstance(part, Piece):
                break
            silent.append(part)
        at = silent[-1].end_sample if silent else self.view.state.committed_sample
        begun = replace(self.view, state=_at(at), samples=self.view.samples[at - self.view.state.window_first_sample :])
        if not self.pieces:
            return Plan(begun, tuple(silent))
        first = self.pieces[0]
        return Plan(begun, tuple(silent), first.window, first.end_sample, first.speech_end_sample, final=True)


def reach_samples(places: int, settings: BatchSettings = DEFAULTS) -> int:
    """Audio that *places* windows and the look ahead may need."""
    return places * samples_of_s(settings.usual_s) + LOOK_SAMPLES


def plan(view: TrackView, places: int, settings: BatchSettings = DEFAULTS) -> BatchPlan:
    """Cut up to *places* windows from what has arrived."""
    parts: list[Span | Piece] = []
    at = view.state.committed_sample
    while (waiting := view.end_sample - at) > 0 and (waiting >= LOOK_SAMPLES or view.closed):
        if sum(isinstance(part, Piece) for part in parts) >= places:
            return BatchPlan(view, tuple(parts), more=True)
        parts += _next(view, at, settings)
        at = parts[-1].end_sample
    return BatchPlan(view, tuple(parts))


def _next(view: TrackView, at: int, settings: BatchSettings) -> list[Span | Piece]:
    """Silence at *at*, or a piece with the silence before it."""
    first = at - view.state.window_first_sample
    heard = view.samples[first : first + LOOK_SAMPLES]
    ends = view.closed and first + len(heard) == len(view.samples)
    speech = speech_spans(heard, settings.gate)
    lead = samples_of_ms(settings.lead_ms)
    if not speech:
        return [Span(at, at + len(heard) - (0 if ends else lead), CoverageKind.SILENT)]
    skipped = max(speech[0][0] - lead, 0)
    silent: list[Span | Piece] = [Span(at, at + skipped, CoverageKind.SILENT)] if skipped else []
    if skipped >= LOOK_SAMPLES // 2 and not ends:
        return silent  # too little of the 30 s is left to cut in
    speech = [(a - skipped, b - skipped) for a, b in speech]
    return [*silent, _piece(view, at + skipped, heard[skipped:], speech, ends, settings)]


def _piece(
    view: TrackView,
    first: int,
    samples: NDArray[np.int16],
    speech: Sequence[tuple[int, int]],
    ends: bool,
    settings: BatchSettings,
) -> Piece:
    cut = len(samples)
    if not (ends and cut <= samples_of_s(settings.usual_s)):
        cut = _cut(samples, speech, ends, settings)
    inside = tuple((a, min(b, cut)) for a, b in speech if a < cut)
    spoken = inside[-1][1] if inside else cut
    window = Window(
        samples=samples[: min(spoken + samples_of_ms(settings.lead_ms), cut)],
        language=view.language,
        prompt=view.vocabulary,
        adapter=view.adapter,
        speech=inside,
    )
    return Piece(first, first + cut, first + spoken, window)


def _cut(samples: NDArray[np.int16], speech: Sequence[tuple[int, int]], ends: bool, settings: BatchSettings) -> int:
    """Where to end a window that begins with *samples*: in a pause if there is one."""
    shortest, usual, longest = map(samples_of_s, (settings.shortest_s, settings.usual_s, settings.longest_s))
    pauses = [(before, after) for (_, before), (after, _) in pairwise(speech)]
    behind = len(samples) - speech[-1][1]
    if behind >= samples_of_ms(settings.lead_ms) or ends:
        pauses.append((speech[-1][1], len(samples)))
    middles = [((before + after) // 2, after - before) for before, after in pauses]
    good = [(length, -middle) for middle, length in middles if shortest <= middle <= usual]
    if good:
        return -max(good)[1]
    later = [middle for middle, _ in middles if usual < middle <= longest]
    if later:
        return later[0]
    if ends and len(samples) <= longest:
        return len(samples)
    return _quietest(samples, usual, min(longest, len(samples)))


def _quietest(samples: NDArray[np.int16], first: int, end: int) -> int:
    """The middle of the stretch of 200 ms with the least sound in [first, end)."""
    loudness = np.square(samples[first:end].astype(np.float64))
    sums = np.cumsum(np.concatenate(([0.0], loudness)))
    stretches = sums[_QUIET_SAMPLES:] - sums[:-_QUIET_SAMPLES]
    return first + int(stretches.argmin()) + _QUIET_SAMPLES // 2


def leftover(piece: Piece, reading: Reading) -> Piece | None:
    """The end of *piece* from where its reading passes over speech, when it did; nothing when it began with that."""
    hypothesis, verdict = reading
    if verdict.judgement is not Judgement.OK:
        return None
    heard = _heard(piece, hypothesis)
    if heard == len(hypothesis.words) and piece.speech_end_sample - _end(piece, hypothesis, heard) < UNHEARD_SAMPLES:
        return None
    at = _end(piece, hypothesis, heard)
    offset = at - piece.first_sample
    if not heard or not 0 < offset < len(piece.window.samples):
        return None
    speech = tuple((max(a - offset, 0), b - offset) for a, b in piece.window.speech if b > offset)
    window = replace(piece.window, samples=piece.window.samples[offset:], speech=speech)
    return Piece(at, piece.end_sample, max(piece.speech_end_sample, at), window)


def _heard(piece: Piece, hypothesis: Hypothesis) -> int:
    """Leading words before speech that the reading passes over."""
    place = passed_over(hypothesis.words, piece.window.speech, 0)
    return len(hypothesis.words) if place is None else place


def _end(piece: Piece, hypothesis: Hypothesis, count: int) -> int:
    return piece.first_sample + (hypothesis.words[count - 1].end_sample if count else 0)


def settle(plan: BatchPlan, readings: Sequence[Sequence[Reading]]) -> Outcome:
    """What to write of *plan*: for each of its pieces one reading, and one more for what that left over."""
    words: list[Word] = []
    spans: list[Span] = []
    remaining = iter(readings)
    for part in plan.parts:
        if isinstance(part, Span):
            spans.append(part)
            continue
        first, *again = next(remaining)
        rest = leftover(part, first) if again else None
        if rest is None:
            _take(part, first, words, spans)
            continue
        hypothesis, verdict = first
        kept = replace(hypothesis, words=hypothesis.words[: _heard(part, hypothesis)])
        _take(
            replace(part, end_sample=rest.first_sample, speech_end_sample=rest.first_sample),
            (kept, verdict),
            words,
            spans,
        )
        _take(rest, again[0], words, spans)
    return Outcome(_at(plan.end_sample), tuple(words), tuple(spans), paused=True)


def _take(piece: Piece, reading: Reading, words: list[Word], spans: list[Span]) -> None:
    """Add what *reading* says of *piece*."""
    hypothesis, verdict = reading
    if verdict.judgement is Judgement.NO_SPEECH:
        spans.append(Span(piece.first_sample, piece.end_sample, CoverageKind.SILENT, verdict.reason or None))
        return
    if verdict.judgement is not Judgement.OK:
        spans.append(Span(piece.first_sample, piece.end_sample, CoverageKind.FAILED, verdict.reason))
        return
    at = piece.first_sample
    for word in hypothesis.words:  # in order and inside, whatever the warp said
        moved = shifted(word, piece.first_sample)
        start = min(max(moved.start_sample, at), piece.end_sample)
        at = min(max(moved.end_sample, start), piece.end_sample)
        words.append(replace(moved, start_sample=start, end_sample=at))
    spoken = max(piece.speech_end_sample, at)
    if piece.end_sample - spoken < samples_of_ms(DEFAULTS.pause_ms):
        spoken = piece.end_sample
    spans.append(Span(piece.first_sample, spoken, CoverageKind.TRANSCRIBED))
    if spoken < piece.end_sample:
        spans.append(Span(spoken, piece.end_sample, CoverageKind.SILENT))


def _at(position: int) -> StreamState:
    return StreamState(committed_sample=position, window_first_sample=position)
