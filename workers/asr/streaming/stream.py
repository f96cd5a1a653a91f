"""One streaming step of one track, as two pure functions: `plan` before the model, `settle` after it.

    plan(view)  → silence that needs no model, and the window to decode, if any
    settle(...) → words to commit, coverage, partial words, and the state for the next step

The coverage of `plan` and `settle` together tiles [old committed_sample, new committed_sample). Words and audio that
are not committed are called open.

Windows overlap: the next one usually begins before the audio that is not committed, because the model needs the context
in front of it. The committed words in that overlap are forced as the prefix of the next window, until the window has
moved past them. So the model cannot write them again or differently, and committed words never change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from schema.core.states import CoverageKind
from schema.core.units import WINDOW_LIMIT_SAMPLES, samples_of_ms, samples_of_s
from schema.speech.vad import USUAL, VadSettings, speech_spans
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import Judgement, Verdict
from workers.asr.streaming.levelling import levelled
from workers.asr.streaming.policy import Policy
from workers.asr.streaming.seams import forced_at_seam, held_at_seam
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView, shifted_span, with_unread
from workers.asr.streaming.window_start import begin_at, begin_in_prefix, resting_place


@dataclass(frozen=True, slots=True)
class StreamSettings:
    gate: VadSettings = USUAL
    pause_ms: int = 600
    """A silence this long is a pause: all words before it are committed."""
    lead_ms: int = 300
    """Silence kept before speech, so that its onset is complete."""
    fresh_ms: int = 500
    """While the speaker continues, a window needs at least so much uncommitted audio."""
    force_s: float = 25.0
    """A window this long commits all but its last words, whatever the policy decides."""
    trim_s: float = 16.0
    """A window this long is trimmed: it leaves its oldest committed words behind."""
    context_s: float = 8.0
    """Committed audio that a trimmed window keeps as context before the uncommitted audio."""
    patience_s: float = 10.0
    """How much audio may wait for a better hypothesis before it is booked as failed or silent."""
    forced_patience_s: float = 3.0
    """The same after forced words, which may be what keeps the model from a better hypothesis."""
    unheard_s: float = 2.0
    """If the model wrote no word after forced words for so much speech, that speech is decoded again without them."""
    unheard_at_seam_s: float = 0.5
    """The same beside a seam, where a forced word may be misheard."""
    held_words: int = 2
    """Words at the end of a window that stay open when `force_s` commits the others."""


DEFAULTS = StreamSettings()


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What to decode in a step. With `window` None there is nothing to decode now.

    `view` is the track after the `silent` spans are committed. `speech_end_sample` is the end of the last speech. If
    `final` is set, the window ends with a pause, with the track or where somebody waits for its words, so all of it
    will be committed. Words that end before `stable_sample` will be committed as well, because it lies in a pause
    inside the window.
    """

    view: TrackView
    silent: tuple[CommittedSpan, ...] = ()
    window: Window | None = None
    window_end_sample: int = 0
    speech_end_sample: int = 0
    stable_sample: int = 0
    final: bool = False


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What to commit after a step.

    `words` have positions in the meeting. `spans` tile the audio that is committed since the plan. The `partial` words
    may still change. `paused` is set if the speaker paused after the last word. `held` is set if somebody waits for the
    words so far, and the last ones stay open because the end of the audio may cut them.
    """

    state: StreamState
    words: tuple[Word, ...] = ()
    spans: tuple[CommittedSpan, ...] = ()
    partial: tuple[str, ...] = ()
    paused: bool = False
    held: bool = False


def plan(view: TrackView, settings: StreamSettings = DEFAULTS) -> LivePlan:
    """Book the silence in the audio that has arrived, and choose the window for the model."""
    first = view.state.window_first_sample
    speech = [(first + a, first + b) for a, b in speech_spans(view.samples[:WINDOW_LIMIT_SAMPLES], settings.gate)]
    open_speech = _open(speech, view.state)
    end = min(view.end_sample, first + WINDOW_LIMIT_SAMPLES)
    if not open_speech and not view.state.previous:
        return _silence(view, end, settings)
    silent: tuple[CommittedSpan, ...] = ()
    if open_speech and not view.state.previous and _after_pause(view.state, open_speech[0][0], settings):
        view, silent = _skip_to(view, open_speech[0][0] - samples_of_ms(settings.lead_ms))
    return _window(view, silent, speech, end, settings)


def _open(speech: Sequence[tuple[int, int]], state: StreamState) -> list[tuple[int, int]]:
    """The *speech* that is not committed."""
    return [(max(a, state.committed_sample), b) for a, b in speech if b > state.committed_sample]


def _after_pause(state: StreamState, speech_sample: int, settings: StreamSettings) -> bool:
    """Whether the speech at *speech_sample* follows a pause, or is the first in the window."""
    return not state.prefix or speech_sample - state.committed_sample >= samples_of_ms(settings.pause_ms)


def _silence(view: TrackView, end: int, settings: StreamSettings) -> LivePlan:
    """Without speech or open words, commit all audio as silent, except the lead before speech that may follow."""
    lead = samples_of_ms(settings.lead_ms)
    if end == view.end_sample and (view.closed or view.flushed):
        return LivePlan(*_skip_to(view, end, lead=0 if view.closed else lead))
    if end - view.state.committed_sample < samples_of_ms(settings.pause_ms):
        return LivePlan(view)
    return LivePlan(*_skip_to(view, end - lead))


def _skip_to(view: TrackView, position: int, lead: int = 0) -> tuple[TrackView, tuple[CommittedSpan, ...]]:
    """Commit silence up to *position*. The window begins *lead* before it, and earlier words become history."""
    first, committed = view.state.window_first_sample, view.state.committed_sample
    if position <= committed:
        return view, ()
    state = begin_at(view.state, position, max(position - lead, first))
    samples = view.samples[state.window_first_sample - first :]
    return replace(view, state=state, samples=samples), (CommittedSpan(committed, position, CoverageKind.SILENT),)


def _window(
    view: TrackView,
    silent: tuple[CommittedSpan, ...],
    speech: Sequence[tuple[int, int]],
    end: int,
    settings: StreamSettings,
) -> LivePlan:
    open_speech = _open(speech, view.state)
    pause = samples_of_ms(settings.pause_ms)
    speech_end = open_speech[-1][1] if open_speech else view.state.committed_sample
    asked = (view.closed or view.flushed) and end == view.end_sample
    final = asked or end - speech_end >= pause
    if end < view.end_sample:
        end, final = _cut(open_speech, end, settings)
        speech_end = min(speech_end, end)
    fresh = end - view.state.committed_sample
    if not final and fresh < samples_of_ms(settings.fresh_ms):
        return LivePlan(view, silent)
    gaps = [(a, b) for (_, a), (b, _) in pairwise(open_speech) if b - a >= pause and b < end]
    first = view.state.window_first_sample
    prefix = forced_at_seam(view.state.prefix) if view.state.seam else view.state.prefix
    return LivePlan(
        view=view,
        silent=silent,
        window=Window(
            samples=levelled(view.samples[: end - first], _within(speech, first, end)),
            language=view.language,
            translate=view.translate,
            prefix=tuple(shifted(word, -first) for word in prefix),
            prompt=prompt(view),
            adapter=view.adapter,
            speech=tuple(_within(open_speech, first, end)),
            complete=final,
            begins_at_seam=view.state.seam,
            ends_at_seam=asked and not view.closed and end - speech_end < samples_of_ms(settings.lead_ms),
        ),
        window_end_sample=end,
        speech_end_sample=speech_end,
        stable_sample=(gaps[-1][0] + gaps[-1][1]) // 2 if gaps else 0,
        final=final,
    )


def _within(speech: Sequence[tuple[int, int]], first: int, end: int) -> list[tuple[int, int]]:
    """The part of *speech* in the window [*first*, *end*), counted from the start of the window."""
    return [(max(a, first) - first, min(b, end) - first) for a, b in speech if a < end and b > first]


def _cut(open_speech: Sequence[tuple[int, int]], limit: int, settings: StreamSettings) -> tuple[int, bool]:
    """The end of a window when more audio waits than it can hold, and whether that end is in a silence.

    It is the middle of the longest silence in the later part of the window, or else *limit*.
    """
    earliest = limit - samples_of_s(settings.force_s / 2)
    gaps = [(b - a, (a + b) // 2) for (_, a), (b, _) in pairwise(open_speech) if earliest <= a and b <= limit]
    if not gaps:
        return limit, False
    return max(gaps)[1], True


def shifted(word: Word, samples: int) -> Word:
    """Return *word* moved by *samples*."""
    return replace(word, start_sample=word.start_sample + samples, end_sample=word.end_sample + samples)


def prompt(view: TrackView) -> str:
    """The prompt of the next window: the meeting's vocabulary in the first line, then the words before the window."""
    history = "".join(view.state.history).strip()
    return f"{view.vocabulary}\n{history}" if view.vocabulary else history


def settle(
    plan: LivePlan, hypothesis: Hypothesis, verdict: Verdict, policy: Policy, settings: StreamSettings = DEFAULTS
) -> StepOutcome:
    """Turn the hypothesis for `plan.window` into what is committed and what stays open."""
    if verdict.judgement is Judgement.OK:
        return _with_words(plan, hypothesis, verdict, policy, settings)
    waiting = plan.window_end_sample - plan.view.state.committed_sample
    patient = not plan.final and waiting < samples_of_s(settings.patience_s)
    at_seam = plan.view.flushed or plan.view.state.seam
    unheard_s = settings.unheard_at_seam_s if at_seam else settings.unheard_s
    if _omitted_after_prefix(plan, settings.forced_patience_s if patient else unheard_s):
        after = begin_at(plan.view.state, plan.view.state.committed_sample)
        return StepOutcome(replace(after, seam=at_seam))
    if patient:  # more audio may give a better hypothesis
        return StepOutcome(replace(plan.view.state, previous=()))
    if verdict.judgement is Judgement.NO_SPEECH:
        return _without_words(plan, CoverageKind.SILENT, verdict.reason or None)
    return _without_words(plan, CoverageKind.FAILED, verdict.reason)


def _omitted_after_prefix(plan: LivePlan, limit_s: float) -> bool:
    """Whether the window has forced words and at least *limit_s* of audio up to the end of the speech after them.

    After forced words a model may end its text at once although somebody speaks. It can usually transcribe that speech
    in a window without forced words, so the next window begins there.
    """
    state = plan.view.state
    return bool(state.prefix) and plan.speech_end_sample - state.committed_sample >= samples_of_s(limit_s)


def _without_words(plan: LivePlan, kind: CoverageKind, reason: str | None) -> StepOutcome:
    """Commit the whole window without words, as *kind*."""
    span = CommittedSpan(plan.view.state.committed_sample, plan.window_end_sample, kind, reason)
    return StepOutcome(begin_at(plan.view.state, plan.window_end_sample), spans=(span,), paused=True)


def _with_words(
    plan: LivePlan, hypothesis: Hypothesis, verdict: Verdict, policy: Policy, settings: StreamSettings
) -> StepOutcome:
    """Commit the words that are certain. Speech among them that nobody could read is booked as the verdict says."""
    state, first = plan.view.state, plan.view.state.window_first_sample
    words = _in_order([shifted(word, first) for word in hypothesis.words], state.committed_sample, plan)
    unread = [shifted_span(span, first) for span in verdict.unread]
    held = held_at_seam(plan.window, hypothesis) if plan.window else 0
    if plan.final and not held:
        return _all_words(plan, words, unread, settings)
    count = len(words) - held if held else _committed_count(plan, words, hypothesis, policy, settings)
    if not count:
        return StepOutcome(
            replace(state, previous=tuple(word.text for word in words)), partial=tuple(word.text for word in words)
        )
    done, open_words = words[:count], words[count:]
    committed = max(done[-1].end_sample, state.committed_sample + 1)
    after = replace(
        state,
        committed_sample=committed,
        prefix=(*state.prefix, *done),
        previous=tuple(word.text for word in open_words),
        seam=False,
    )
    return StepOutcome(
        state=_trimmed(after, plan, settings),
        words=tuple(done),
        spans=tuple(with_unread(CommittedSpan(state.committed_sample, committed, CoverageKind.TRANSCRIBED), unread)),
        partial=tuple(word.text for word in open_words),
        held=held > 0,
    )


def _in_order(words: Sequence[Word], earliest: int, plan: LivePlan) -> list[Word]:
    """Limit word times to the window, in order and not before *earliest*, because the warp may break these bounds."""
    ordered = []
    for word in words:
        start = min(max(word.start_sample, earliest), plan.window_end_sample)
        earliest = min(max(word.end_sample, start), plan.window_end_sample)
        ordered.append(replace(word, start_sample=start, end_sample=earliest))
    return ordered


def _committed_count(
    plan: LivePlan, words: Sequence[Word], hypothesis: Hypothesis, policy: Policy, settings: StreamSettings
) -> int:
    """The number of leading *words* to commit: those that the policy allows, and at least all before a pause.

    A window that has become too long commits all but its last words. The last word of a truncated text may be cut, so
    it stays open.
    """
    state = plan.view.state
    count = policy(hypothesis, state.previous, plan.window_end_sample - state.window_first_sample)
    stable = sum(word.end_sample <= plan.stable_sample for word in words)
    forced = 0
    if plan.window_end_sample - state.window_first_sample >= samples_of_s(settings.force_s):
        forced = len(words) - settings.held_words
    count = max(count, stable, forced, 0)
    return min(count, len(words) - 1) if hypothesis.truncated else count


def _all_words(
    plan: LivePlan, words: Sequence[Word], unread: Sequence[CommittedSpan], settings: StreamSettings
) -> StepOutcome:
    """Commit all words before a pause or the end. The next window begins in the pause, without forced words."""
    state, end, lead = plan.view.state, plan.window_end_sample, samples_of_ms(settings.lead_ms)
    whole = (plan.view.closed or plan.view.flushed) and end == plan.view.end_sample
    speech_end = max(plan.speech_end_sample, state.committed_sample)
    committed = end if whole else max(end - lead, speech_end)
    if words and speech_end == state.committed_sample:
        speech_end = committed  # words where voice activity detection found no speech: trust the model
    words = [
        replace(word, start_sample=min(word.start_sample, committed), end_sample=min(word.end_sample, committed))
        for word in words
    ]
    spans = [
        CommittedSpan(state.committed_sample, speech_end, CoverageKind.TRANSCRIBED),
        CommittedSpan(speech_end, committed, CoverageKind.SILENT),
    ]
    seam = plan.window is not None and plan.window.ends_at_seam
    after = replace(state, committed_sample=committed, prefix=(*state.prefix, *words), previous=(), seam=seam)
    return StepOutcome(
        # The end may cut a word. As a forced word of the next window it is not written again from its second half.
        state=_trimmed(after, plan, settings)
        if seam
        else begin_at(after, committed, max(committed - lead, speech_end)),
        words=tuple(words),
        spans=tuple(part for span in spans for part in with_unread(span, unread)),
        paused=not seam,
    )


def _trimmed(state: StreamState, plan: LivePlan, settings: StreamSettings) -> StreamState:
    """Leave the words before a pause behind, and the oldest words of a long window."""
    if plan.stable_sample > state.window_first_sample and state.committed_sample >= plan.stable_sample:
        return begin_in_prefix(state, plan.stable_sample)
    if plan.window_end_sample - state.window_first_sample < samples_of_s(settings.trim_s):
        return state
    return begin_in_prefix(state, resting_place(state, settings.context_s))
