"""Reads the audio of a claimed track from the mailbox, with a stream state that matches SQL, as a view for planning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sqlalchemy.orm import Session

from schema.core.errors import AudioTrimmed, DecodeError
from schema.core.states import CoverageKind
from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_SAMPLES
from schema.core.words import word_ends
from schema.mailbox import AudioSpan, Claim, Mailbox
from workers.asr.streaming.track import HISTORY_WORDS, CommittedSpan, StreamState, TrackView
from workers.transcribe.track_rows import TrackFacts, recent_text

READ_LIMIT_SAMPLES = WINDOW_LIMIT_SAMPLES + SAMPLE_RATE_HZ
"""One second more than a window holds, so that a step knows whether the audio goes on."""
LOST_REASON = "the audio left the mailbox before it was committed"


@dataclass(frozen=True, slots=True)
class TrackAudio:
    """`view` ends at the first hole. This `hole` is booked once everything before it is committed."""

    view: TrackView
    hole: CommittedSpan | None = None


def read_track(
    session: Session, mailbox: Mailbox, claim: Claim, facts: TrackFacts, limit_samples: int = READ_LIMIT_SAMPLES
) -> TrackAudio:
    """Read at most *limit_samples* of a track from the beginning of its window. Raises MailboxMissing."""
    state = _state(session, claim, facts)
    try:
        pieces = mailbox.read(claim.track_id, state.window_first_sample, limit_samples)
    except AudioTrimmed as error:
        # Missing audio before the committed position costs only context. Missing audio after it is lost.
        state = _fresh_state(session, facts)
        first_there = min(int(str(error.facts["first_sample"])), claim.received_sample)
        if first_there > facts.committed_sample:
            return _lost(state, facts, first_there)
        pieces = mailbox.read(claim.track_id, state.window_first_sample, limit_samples)
    return _joined(state, pieces, claim, facts)


def _state(session: Session, claim: Claim, facts: TrackFacts) -> StreamState:
    """The state of the last release, or a fresh one if the last worker crashed between its commit and its release."""
    if claim.state:
        try:
            state = StreamState.load(json.loads(claim.state))
        except (DecodeError, ValueError):
            return _fresh_state(session, facts)
        if state.committed_sample == facts.committed_sample:
            return state
    return _fresh_state(session, facts)


def _fresh_state(session: Session, facts: TrackFacts) -> StreamState:
    committed = facts.committed_sample
    history = _last_words(recent_text(session, facts.track_id).strip()) if committed else ()
    return StreamState(committed_sample=committed, window_first_sample=committed, history=history)


def _last_words(text: str) -> tuple[str, ...]:
    """The last words of *text*, in a script without spaces the last letters. Joined they are the end of *text*."""
    cuts = [0, *word_ends(text)][-HISTORY_WORDS - 1 :]
    return tuple(text[first:end] for first, end in pairwise(cuts))


def _lost(state: StreamState, facts: TrackFacts, first_there: int) -> TrackAudio:
    hole = CommittedSpan(facts.committed_sample, first_there, CoverageKind.MISSING, LOST_REASON)
    return TrackAudio(_view(state, np.empty(0, np.int16), True, facts), hole)


def _joined(state: StreamState, pieces: list[AudioSpan], claim: Claim, facts: TrackFacts) -> TrackAudio:
    audio: list[bytes] = []
    for piece in pieces:
        if piece.pcm is None and piece.end_sample <= state.committed_sample:
            # This hole in the context is booked already. Silence in its place keeps all positions right.
            audio.append(bytes(2 * (piece.end_sample - piece.first_sample)))
        elif piece.pcm is None:
            hole = CommittedSpan(
                max(piece.first_sample, state.committed_sample), piece.end_sample, CoverageKind.MISSING
            )
            return TrackAudio(_view(state, _samples(audio), True, facts), hole)
        else:
            audio.append(piece.pcm)
    samples = _samples(audio)
    whole = state.window_first_sample + len(samples) == claim.received_sample
    flushed = whole and claim.flushed_sample == claim.received_sample
    return TrackAudio(_view(state, samples, claim.closed and whole, facts, flushed))


def _samples(audio: list[bytes]) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.frombuffer(b"".join(audio), dtype="<i2").astype(np.int16, copy=False)


def _view(
    state: StreamState,
    samples: np.ndarray[tuple[int], np.dtype[np.int16]],
    closed: bool,
    facts: TrackFacts,
    flushed: bool = False,
) -> TrackView:
    return TrackView(
        state=state,
        samples=samples,
        closed=closed,
        flushed=flushed,
        language=facts.language,
        translate=facts.translate,
        vocabulary=", ".join(facts.vocabulary),
        adapter=facts.adapter,
    )
