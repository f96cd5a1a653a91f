"""Cuts a file's audio into independent windows, so that one step can decode many windows of one track.

    plan(view, limit)     → silence that needs no model, and windows to decode, each cut at a pause
    settle(plan, judged)  → words and coverage, which tile [old committed_sample, new committed_sample)

Nobody waits for the next word of a file. So a window is cut only if the 30 s from its beginning have arrived, or the
track has ended. Its end then depends on the audio alone, and a worker that takes over cuts at the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schema.core.states import CoverageKind
from schema.core.units import WINDOW_LIMIT_SAMPLES, samples_of_ms, samples_of_s
from schema.speech.vad import USUAL, VadSettings, speech_spans
from workers.asr.hypothesis import Window, Word
from workers.asr.streaming.guard import JudgedHypothesis, Judgement
from workers.asr.streaming.levelling import levelled
from workers.asr.streaming.stream import StepOutcome, shifted
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView, shifted_span, with_unread

LOOK_SAMPLES = WINDOW_LIMIT_SAMPLES
"""A window is cut only when this much audio has arrived."""
_QUIET_SAMPLES = samples_of_ms(200)


@dataclass(frozen=True, slots=True)
class FileSettings:
    """How a file is cut.

    The lengths were measured: with windows of about ten seconds `tiny.en` makes fewer errors than with longer ones.
    Short windows also take less time, since attention and caches grow with the window.
    """

    gate: VadSettings = USUAL
    shortest_s: float = 6.0
    usual_s: float = 12.0
    """A window ends in the longest pause between `shortest_s` and `usual_s`, else in the first one after `usual_s`."""
    longest_s: float = 29.0
    """Without a pause, a window ends at the quietest place before this."""
    lead_ms: int = 300
    """The silence kept around speech, so that its edges are not cut off."""
    pause_ms: int = 600
    """A shorter silence after speech counts as part of the speech."""


DEFAULTS = FileSettings()


@dataclass(frozen=True, slots=True)
class FilePiece:
    """The audio [first_sample, end_sample) that one window covers. Speech in it ends at `speech_end_sample`."""

    first_sample: int
    end_sample: int
    speech_end_sample: int
    window: Window


@dataclass(frozen=True, slots=True)
class FilePlan:
    """`parts` tile [view.state.committed_sample, end_sample): silence, and pieces for the model.

    `more` says that the limit on windows was reached and that another window could be cut.
    """

    view: TrackView
    parts: tuple[CommittedSpan | FilePiece, ...] = ()
    more: bool = False
    pieces: tuple[FilePiece, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", tuple(part for part in self.parts if isinstance(part, FilePiece)))

    @property
    def end_sample(self) -> int:
        return self.parts[-1].end_sample if self.parts else self.view.state.committed_sample

    @property
    def silence(self) -> tuple[CommittedSpan, ...]:
        """The silence before the first piece."""
        end = self.pieces[0].first_sample if self.pieces else self.end_sample
        return tuple(part for part in self.parts if isinstance(part, CommittedSpan) and part.end_sample <= end)

    @property
    def windows(self) -> list[Window]:
        return [piece.window for piece in self.pieces]

    def settled(self, judged: Sequence[JudgedHypothesis]) -> StepOutcome:
        return settle(self, judged)


def reach_samples(windows: int, settings: FileSettings = DEFAULTS) -> int:
    """How much audio *windows* windows and the look-ahead may need."""
    return windows * samples_of_s(settings.usual_s) + LOOK_SAMPLES


def plan(view: TrackView, limit: int | None = None, settings: FileSettings = DEFAULTS) -> FilePlan:
    """Cut the audio that has arrived into at most *limit* windows."""
    parts: list[CommittedSpan | FilePiece] = []
    at = view.state.committed_sample
    while (waiting := view.end_sample - at) > 0 and (waiting >= LOOK_SAMPLES or view.closed):
        if limit is not None and sum(isinstance(part, FilePiece) for part in parts) >= limit:
            return FilePlan(view, tuple(parts), more=True)
        parts += _next(view, at, settings)
        at = parts[-1].end_sample
    return FilePlan(view, tuple(parts))


def _next(view: TrackView, at: int, settings: FileSettings) -> list[CommittedSpan | FilePiece]:
    """The silence at *at*, or a piece with the silence before it."""
    first = at - view.state.window_first_sample
    heard = view.samples[first : first + LOOK_SAMPLES]
    ends = view.closed and first + len(heard) == len(view.samples)
    speech = speech_spans(heard, settings.gate)
    lead = samples_of_ms(settings.lead_ms)
    if not speech:
        return [CommittedSpan(at, at + len(heard) - (0 if ends else lead), CoverageKind.SILENT)]
    skipped = max(speech[0][0] - lead, 0)
    silent: list[CommittedSpan | FilePiece] = [CommittedSpan(at, at + skipped, CoverageKind.SILENT)] if skipped else []
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
    settings: FileSettings,
) -> FilePiece:
    cut = len(samples)
    if not (ends and cut <= samples_of_s(settings.usual_s)):
        cut = _cut(samples, speech, ends, settings)
    inside = tuple((a, min(b, cut)) for a, b in speech if a < cut)
    spoken = inside[-1][1] if inside else cut
    window = Window(
        samples=levelled(samples[: min(spoken + samples_of_ms(settings.lead_ms), cut)], inside),
        language=view.language,
        translate=view.translate,
        prompt=view.vocabulary,
        adapter=view.adapter,
        speech=inside,
    )
    return FilePiece(first, first + cut, first + spoken, window)


def _cut(samples: NDArray[np.int16], speech: Sequence[tuple[int, int]], ends: bool, settings: FileSettings) -> int:
    """The index in *samples* at which the window ends: in a pause if there is one."""
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
    """The middle of the quietest 200 ms in [first, end)."""
    loudness = np.square(samples[first:end].astype(np.float64))
    sums = np.cumsum(np.concatenate(([0.0], loudness)))
    stretches = sums[_QUIET_SAMPLES:] - sums[:-_QUIET_SAMPLES]
    return first + int(stretches.argmin()) + _QUIET_SAMPLES // 2


def settle(plan: FilePlan, judged: Sequence[JudgedHypothesis]) -> StepOutcome:
    """Turn the hypotheses of a plan, one for each piece, into words and coverage."""
    words: list[Word] = []
    spans: list[CommittedSpan] = []
    remaining = iter(judged)
    for part in plan.parts:
        if isinstance(part, CommittedSpan):
            spans.append(part)
        else:
            _take(part, next(remaining), words, spans)
    return StepOutcome(_at(plan.end_sample), tuple(words), tuple(spans), paused=True)


def _take(piece: FilePiece, judged: JudgedHypothesis, words: list[Word], spans: list[CommittedSpan]) -> None:
    """Add the words of *piece* and the coverage of its audio."""
    hypothesis, verdict = judged
    if verdict.judgement is Judgement.NO_SPEECH:
        spans.append(CommittedSpan(piece.first_sample, piece.end_sample, CoverageKind.SILENT, verdict.reason or None))
        return
    if verdict.judgement is not Judgement.OK:
        spans.append(CommittedSpan(piece.first_sample, piece.end_sample, CoverageKind.FAILED, verdict.reason))
        return
    at = piece.first_sample
    # Dynamic time warping sets the times of words. It may put words out of order or outside the window.
    for word in hypothesis.words:
        moved = shifted(word, piece.first_sample)
        start = min(max(moved.start_sample, at), piece.end_sample)
        at = min(max(moved.end_sample, start), piece.end_sample)
        words.append(replace(moved, start_sample=start, end_sample=at))
    spoken = max(piece.speech_end_sample, at)
    if piece.end_sample - spoken < samples_of_ms(DEFAULTS.pause_ms):
        spoken = piece.end_sample
    booked = [CommittedSpan(piece.first_sample, spoken, CoverageKind.TRANSCRIBED)]
    if spoken < piece.end_sample:
        booked.append(CommittedSpan(spoken, piece.end_sample, CoverageKind.SILENT))
    unread = [shifted_span(span, piece.first_sample) for span in verdict.unread]
    spans += (part for span in booked for part in with_unread(span, unread))


def _at(position: int) -> StreamState:
    return StreamState(committed_sample=position, window_first_sample=position)
