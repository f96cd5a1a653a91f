"""One streaming step of one track, as two pure functions: `plan` before the model, `settle` after it.

    plan(view)  → silence that needs no model, and the window to decode, if any
    settle(...) → words to commit, what became of the audio, partial words, the state for the next step

Coverage of `plan` and `settle` together tiles [old committed_sample, new committed_sample). Committed words never
change: they are forced as the prefix of the next window until they leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from schema.core.states import CoverageKind
from schema.core.units import WINDOW_LIMIT_SAMPLES, samples_of_ms, samples_of_s
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import Judgement, Verdict
from workers.asr.streaming.omissions import passed_over
from workers.asr.streaming.policy import Policy
from workers.asr.streaming.track import Span, StreamState, TrackView
from workers.asr.streaming.vad import USUAL, VadSettings, speech_spans
from workers.asr.streaming.window_start import begin_at, begin_in_prefix, resting_place


@dataclass(frozen=True, slots=True)
class StreamSettings:
    gate: VadSettings = USUAL
    pause_ms: int = 600
    """Silence that ends what was said before it."""
    lead_ms: int = 300
    """Silence kept before speech, so that its onset is heard whole."""
    fresh_ms: int = 500
    """Less speech than this is not worth a step while the speaker goes on."""
    force_s: float = 25.0
    """A window so long commits all but its last words, whatever the policy says."""
    trim_s: float = 16.0
    """A window so long leaves committed words behind."""
    context_s: float = 8.0
    """Committed audio kept in front of the uncommitted when the window is trimmed."""
    patience_s: float = 10.0
    """Audio that may wait for a better reading before it is booked as failed or silent."""
    forced_patience_s: float = 3.0
    """The same behind forced words, which may be what keeps the model from a better one."""
    unheard_s: float = 2.0
    """So much speech behind the last word was skipped by the model and is read again, by itself."""
    held_words: int = 2
    """Words at the window's end that a forced commit still leaves open."""


DEFAULTS = StreamSettings()


@dataclass(frozen=True, slots=True)
class Plan:
    """`view` is the track after the `silent` spans are committed. With `window` None there is nothing to decode now.

    `final`: a pause or the end stands behind the window, so all of it will be committed. `stable_sample` is the end of
    the last pause inside the window: what was said before it is committed too. `speech_end_sample`: where speech ends.
    """

    view: TrackView
    silent: tuple[Span, ...] = ()
    window: Window | None = None
    window_end_sample: int = 0
    speech_end_sample: int = 0
    stable_sample: int = 0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to write: `words` have positions in the meeting, `spans` tile what was committed since the plan.

    `paused`: the speaker paused behind the last word. `partial` may still change.
    """

    state: StreamState
    words: tuple[Word, ...] = ()
    spans: tuple[Span, ...] = ()
    partial: tuple[str, ...] = ()
    paused: bool = False


def plan(view: TrackView, settings: StreamSettings = DEFAULTS) -> Plan:
    """Look at what has arrived: book silence, and choose the window for the model."""
    first = view.state.window_first_sample
    speech = [(first + a, first + b) for a, b in speech_spans(view.samples[:WINDOW_LIMIT_SAMPLES], settings.gate)]
    unread = [(max(a, view.state.committed_sample), b) for a, b in speech if b > view.state.committed_sample]
    end = min(view.end_sample, first + WINDOW_LIMIT_SAMPLES)
    if not unread and not view.state.previous:
        return _silence(view, end, settings)
    silent: tuple[Span, ...] = ()
    if unread and not view.state.previous and _rested(view.state, unread[0][0], settings):
        view, silent = _skip_to(view, unread[0][0] - samples_of_ms(settings.lead_ms))
    return _window(view, silent, unread, end, settings)


def _rested(state: StreamState, speech_sample: int, settings: StreamSettings) -> bool:
    """Whether the speech at *speech_sample* begins anew: at the window's beginning, or after a pause."""
    return not state.prefix or speech_sample - state.committed_sample >= samples_of_ms(settings.pause_ms)


def _silence(view: TrackView, end: int, settings: StreamSettings) -> Plan:
    """No speech and no word held back: all but the last moment is silent."""
    closes = view.closed and end == view.end_sample
    quiet = end - view.state.committed_sample
    if not closes and quiet < samples_of_ms(settings.pause_ms):
        return Plan(view)
    view, silent = _skip_to(view, end if closes else end - samples_of_ms(settings.lead_ms))
    return Plan(view, silent)


def _skip_to(view: TrackView, position: int) -> tuple[TrackView, tuple[Span, ...]]:
    """Commit silence up to *position*; the window begins there and the words before it become history."""
    committed = view.state.committed_sample
    if position <= committed:
        return view, ()
    state = begin_at(view.state, position)
    samples = view.samples[position - view.state.window_first_sample :]
    return replace(view, state=state, samples=samples), (Span(committed, position, CoverageKind.SILENT),)


def _window(
    view: TrackView, silent: tuple[Span, ...], unread: Sequence[tuple[int, int]], end: int, settings: StreamSettings
) -> Plan:
    pause = samples_of_ms(settings.pause_ms)
    spoken = unread[-1][1] if unread else view.state.committed_sample
    closes = view.closed and end == view.end_sample
    final = closes or end - spoken >= pause
    if end < view.end_sample:
        end, final = _cut(unread, end, settings)
        spoken = min(spoken, end)
    fresh = end - view.state.committed_sample
    if not final and fresh < samples_of_ms(settings.fresh_ms):
        return Plan(view, silent)
    gaps = [(a, b) for (_, a), (b, _) in pairwise(unread) if b - a >= pause and b < end]
    first = view.state.window_first_sample
    return Plan(
        view=view,
        silent=silent,
        window=Window(
            samples=view.samples[: end - first],
            language=view.language,
            prefix=tuple(shifted(word, -first) for word in view.state.prefix),
            prompt=prompt(view),
            adapter=view.adapter,
            speech=tuple((a - first, min(b, end) - first) for a, b in unread if a < end),
        ),
        window_end_sample=end,
        speech_end_sample=spoken,
        stable_sample=(gaps[-1][0] + gaps[-1][1]) // 2 if gaps else 0,
        final=final,
    )


def _cut(unread: Sequence[tuple[int, int]], limit: int, settings: StreamSettings) -> tuple[int, bool]:
    """Where to end a window when more audio waits than one can hold: at the longest late silence, if there is one."""
    earliest = limit - samples_of_s(settings.force_s / 2)
    gaps = [(b - a, (a + b) // 2) for (_, a), (b, _) in pairwise(unread) if earliest <= a and b <= limit]
    if not gaps:
        return limit, False
    return max(gaps)[1], True


def shifted(word: Word, samples: int) -> Word:
    """*word* moved by *samples*."""
    return replace(word, start_sample=word.start_sample + samples, end_sample=word.end_sample + samples)


def prompt(view: TrackView) -> str:
    """The meeting's vocabulary in the first line, then what was said before the window."""
    history = "".join(view.state.history).strip()
    return f"{view.vocabulary}\n{history}" if view.vocabulary else history


def settle(
    plan: Plan, hypothesis: Hypothesis, verdict: Verdict, policy: Policy, settings: StreamSettings = DEFAULTS
) -> Outcome:
    """Turn a reading of `plan.window` into what is committed and what stays open."""
    if verdict.judgement is Judgement.OK:
        return _spoken(plan, hypothesis, policy, settings)
    waits = plan.window_end_sample - plan.view.state.committed_sample
    patient = not plan.final and waits < samples_of_s(settings.patience_s)
    if _passed_over(plan, settings.forced_patience_s if patient else settings.unheard_s):
        return Outcome(begin_at(plan.view.state, plan.view.state.committed_sample))
    if patient:
        return Outcome(replace(plan.view.state, previous=()))
    if verdict.judgement is Judgement.NO_SPEECH:
        return _nothing(plan, CoverageKind.SILENT, verdict.reason or None)
    return _nothing(plan, CoverageKind.FAILED, verdict.reason)


def _passed_over(plan: Plan, limit_s: float) -> bool:
    """Behind forced words a model may end its text at once though somebody speaks: then it reads the rest by itself."""
    state = plan.view.state
    return bool(state.prefix) and plan.speech_end_sample - state.committed_sample >= samples_of_s(limit_s)


def _nothing(plan: Plan, kind: CoverageKind, reason: str | None) -> Outcome:
    """The whole window passes without a word."""
    span = Span(plan.view.state.committed_sample, plan.window_end_sample, kind, reason)
    return Outcome(begin_at(plan.view.state, plan.window_end_sample), spans=(span,), paused=True)


def _spoken(plan: Plan, hypothesis: Hypothesis, policy: Policy, settings: StreamSettings) -> Outcome:
    state, first = plan.view.state, plan.view.state.window_first_sample
    words = _in_order([shifted(word, first) for word in hypothesis.words], state.committed_sample, plan)
    count = len(words) if plan.final else _count(plan, words, hypothesis, policy, settings)
    skipped = passed_over(words[:count], _speech(plan), state.committed_sample)
    if skipped:
        return _heard(plan, words[:skipped])
    if skipped == 0 and state.prefix:
        return Outcome(begin_at(state, state.committed_sample))
    if plan.final and plan.speech_end_sample - words[-1].end_sample >= samples_of_s(settings.unheard_s):
        return _heard(plan, words)
    if plan.final:
        return _all(plan, words, settings)
    if not count:
        return Outcome(
            replace(state, previous=tuple(word.text for word in words)), partial=tuple(word.text for word in words)
        )
    done, open_words = words[:count], words[count:]
    committed = max(done[-1].end_sample, state.committed_sample + 1)
    after = replace(
        state,
        committed_sample=committed,
        prefix=(*state.prefix, *done),
        previous=tuple(word.text for word in open_words),
    )
    return Outcome(
        state=_trimmed(after, plan, settings),
        words=tuple(done),
        spans=(Span(state.committed_sample, committed, CoverageKind.TRANSCRIBED),),
        partial=tuple(word.text for word in open_words),
    )


def _speech(plan: Plan) -> list[tuple[int, int]]:
    """What sounds like speech in the window, as positions in the meeting."""
    first = plan.view.state.window_first_sample
    return [(first + a, first + b) for a, b in plan.window.speech] if plan.window else []


def _heard(plan: Plan, words: Sequence[Word]) -> Outcome:
    """The model skipped speech behind *words*: the next window begins there, and it reads it without what came before.

    What it skips again at a window's beginning, without context, stays without words.
    """
    state, end = plan.view.state, max(words[-1].end_sample, plan.view.state.committed_sample + 1)
    after = begin_at(replace(state, prefix=(*state.prefix, *words)), end)
    return Outcome(after, tuple(words), (Span(state.committed_sample, end, CoverageKind.TRANSCRIBED),))


def _in_order(words: Sequence[Word], earliest: int, plan: Plan) -> list[Word]:
    """Words that begin no earlier than what is committed and end inside the window, whatever the warp said."""
    ordered = []
    for word in words:
        start = min(max(word.start_sample, earliest), plan.window_end_sample)
        earliest = min(max(word.end_sample, start), plan.window_end_sample)
        ordered.append(replace(word, start_sample=start, end_sample=earliest))
    return ordered


def _count(plan: Plan, words: Sequence[Word], hypothesis: Hypothesis, policy: Policy, settings: StreamSettings) -> int:
    state = plan.view.state
    count = policy(hypothesis, state.previous, plan.window_end_sample - state.window_first_sample)
    stable = sum(word.end_sample <= plan.stable_sample for word in words)
    forced = 0
    if plan.window_end_sample - state.window_first_sample >= samples_of_s(settings.force_s):
        forced = len(words) - settings.held_words
    count = max(count, stable, forced, 0)
    return min(count, len(words) - 1) if hypothesis.truncated else count


def _all(plan: Plan, words: Sequence[Word], settings: StreamSettings) -> Outcome:
    """A pause or the end: every word is committed, and the next window begins in the pause, without context."""
    state, end = plan.view.state, plan.window_end_sample
    closes = plan.view.closed and end == plan.view.end_sample
    spoken = max(plan.speech_end_sample, state.committed_sample)
    rest = end if closes else max(end - samples_of_ms(settings.lead_ms), spoken)
    if words and spoken == state.committed_sample:
        spoken = rest  # words in what the gate took for silence: the model's ear is the better one
    words = [
        replace(word, start_sample=min(word.start_sample, rest), end_sample=min(word.end_sample, rest))
        for word in words
    ]
    spans = [
        Span(state.committed_sample, spoken, CoverageKind.TRANSCRIBED),
        Span(spoken, rest, CoverageKind.SILENT),
    ]
    after = begin_at(replace(state, prefix=(*state.prefix, *words)), rest)
    return Outcome(
        state=after,
        words=tuple(words),
        spans=tuple(span for span in spans if span.end_sample > span.first_sample),
        paused=True,
    )


def _trimmed(state: StreamState, plan: Plan, settings: StreamSettings) -> StreamState:
    """Leave words behind: those before a pause, and the oldest when the window has become long."""
    if plan.stable_sample > state.window_first_sample and state.committed_sample >= plan.stable_sample:
        return begin_in_prefix(state, plan.stable_sample)
    if plan.window_end_sample - state.window_first_sample < samples_of_s(settings.trim_s):
        return state
    return begin_in_prefix(state, resting_place(state, settings.context_s))
